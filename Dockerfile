# The app, for a server: docker build --tag cifar-lab . && docker run --publish 8501:8501 cifar-lab
FROM python:3.12-slim

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt
COPY streamlit_app.py pyproject.toml LICENSE NOTICE.md ./
COPY .streamlit .streamlit
COPY pages pages
COPY cifar_core cifar_core
COPY examples examples
COPY artifacts/models artifacts/models

# Runs and downloads are all that is written; a volume keeps them.
RUN useradd --create-home lab && mkdir /data && chown lab /data
USER lab
ENV CIFAR_LAB_RUNS=/data/runs XDG_CACHE_HOME=/data/cache
VOLUME /data

EXPOSE 8501
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health', timeout=5)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
