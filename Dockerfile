# About 185 MB: the base has 60, the packages 124. Every package has a wheel for it, so nothing is compiled.
FROM python:3.11-alpine
WORKDIR /shop
COPY requirements.txt .
RUN pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements.txt
COPY . .
# /data is where a volume goes; var is where SQLite lies without one.
RUN adduser -D -u 1000 shop && mkdir -p var /data && chown shop var /data
USER shop
ENV PYTHONUNBUFFERED=1
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request as http; http.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8080') + '/healthz', timeout=4)"]
# Release, web and bot in one container; compose.yaml and fly.toml run them as they need.
# There is no EXPOSE: Dokku would take it for the port to publish, and every platform sets PORT.
CMD ["python", "-m", "webapp"]
