# Two stages: the first installs into a virtual environment, the second copies it. Nothing is downloaded when the container runs.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# strip takes a third off the compiled libraries.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
# --without-pip: the environment holds the product and its dependencies, nothing else.
RUN python3 -m venv --without-pip /opt/llm-router
# What is installed is what was tried: every file has its digest in these lists (make lock).
COPY config/deploy/image ./image
RUN python3 -m pip install --no-cache-dir --no-compile --require-hashes --target /opt/build -r image/build-requirements.txt \
 && python3 -m pip --python /opt/llm-router/bin/python install --no-cache-dir --no-compile --require-hashes --only-binary :all: \
      -r image/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
COPY translators ./translators
COPY config ./config
# .pyc files are compiled here: the user the container runs as cannot write them, and without them a start takes a second longer.
RUN PYTHONPATH=/opt/build python3 -m pip --python /opt/llm-router/bin/python install --no-cache-dir --no-compile --no-deps \
      --no-build-isolation . \
 && python3 -m compileall -q -j 0 /opt/llm-router/lib \
 && find /opt/llm-router -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.c' -o -name '*.h' | xargs rm -f \
 && find /opt/llm-router -name '*.so*' -type f -exec strip --strip-unneeded {} + \
 && find /opt/llm-router -type d -name tests -prune -exec rm -rf {} +

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="llm-router" org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/llm-router /opt/llm-router
# What outlives a container is mounted here; a volume takes the owner over.
RUN install -d -o 10001 -g 10001 /state
ENV PATH=/opt/llm-router/bin:$PATH HOST=0.0.0.0 PORT=8001 LLM_ROUTER_STATE_DIR=/state PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["llm-router"]
