"""Guards of what several threads touch: asked for whenever it is."""

from __future__ import annotations


def is_held(guard):
    """Return whether this thread holds a lock; of a plain one, whether any does."""
    return guard._is_owned() if hasattr(guard, "_is_owned") else guard.locked()


def protect(monkeypatch, cls, names, guard):
    """Have attributes of a class ask for their guard; return how often they did.

    The constructor of an object may set each of them once without.
    """
    asked = dict.fromkeys(names, 0)

    def attribute(name):
        key = f"{name} itself"

        def ask(self):
            assert is_held(guard(self)), f"{name} is touched without its guard"
            asked[name] += 1

        def get(self):
            ask(self)
            return self.__dict__[key]

        def put(self, value):
            if key in self.__dict__:
                ask(self)
            self.__dict__[key] = value

        return property(get, put)

    for name in names:
        monkeypatch.setattr(cls, name, attribute(name), raising=False)
    return asked
