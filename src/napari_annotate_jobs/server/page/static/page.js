// What the page can do without: everything works when no script runs.
"use strict";

// A picture that does not come leaves its place to words.
for (const image of document.querySelectorAll(".picture img")) {
  const gone = () => image.parentElement.classList.add("gone");
  image.addEventListener("error", gone);
  if (image.complete && image.naturalWidth === 0 && image.currentSrc) gone();
}

// A button that needs something chosen says so by being off.
for (const button of document.querySelectorAll("button[data-needs]")) {
  const boxes = [...button.form.querySelectorAll(`input[name="${button.dataset.needs}"]`)];
  const words = button.textContent;
  const look = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    button.disabled = chosen === 0;
    button.textContent = chosen ? `${words} ${chosen} ${chosen === 1 ? "case" : "cases"}` : words;
    for (const box of boxes) box.closest("li").classList.toggle("chosen", box.checked);
  };
  for (const box of boxes) box.addEventListener("change", look);
  const all = button.form.querySelector("[data-all]");
  if (all) {
    all.hidden = false;
    all.querySelector("input").addEventListener("change", (event) => {
      for (const box of boxes) box.checked = event.target.checked;
      look();
    });
  }
  window.addEventListener("pageshow", look);
  look();
}

// One menu at a time.
const menus = [...document.querySelectorAll("details.menu")];
for (const menu of menus) {
  menu.addEventListener("toggle", () => {
    if (menu.open) for (const other of menus) if (other !== menu) other.open = false;
  });
}

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll('form[method="post"]')) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; });
}
