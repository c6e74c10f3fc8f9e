# A job server; see docs/server.md. The folder /data is its own, images lie in /images.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml hatch_build.py napari.yaml README.md LICENSE NOTICE ./
COPY src ./src
RUN python -m venv /opt/jobs
RUN /opt/jobs/bin/pip install --no-cache-dir ".[server,codecs]"

FROM python:3.12-slim
COPY --from=build /opt/jobs /opt/jobs
RUN useradd --create-home --uid 10001 jobs
RUN install -d -o jobs -g jobs -m 0700 /data
ENV PATH="/opt/jobs/bin:$PATH" PYTHONUNBUFFERED="1"
USER jobs
VOLUME ["/data"]
EXPOSE 8765
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/ready', timeout=3)"]
ENTRYPOINT ["napari-annotate-jobs"]
CMD ["serve", "/data", "--images", "/images", "--host", "0.0.0.0", "--port", "8765"]
