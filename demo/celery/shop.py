"""The Python side of the demo: a task that TypeScript calls, and a client that calls a TypeScript task for each file.

As a worker: celery -A shop worker --queues python. As the client: python3 shop.py < PATHS, one path in JSON per line.
"""
import json
import os
import sys
import time

import redis
from celery import Celery
from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import AsyncResult

url = os.environ["CAROM_BROKER_URL"]
app = Celery("shop", broker=url, backend=url)
app.conf.update(task_default_queue="python", task_acks_late=True, worker_prefetch_multiplier=1)

PATIENCE_S = 120


@app.task(name="shop.countWords")
def count_words(path):
    with open(path, "rb") as file:
        return len(file.read().split())


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def outcome(task_id):
    """Waits for a result, also through a Redis that is away for a while."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return {"value": AsyncResult(task_id, app=app).get(timeout=2)}
        except (ResultTimeout, redis.exceptions.RedisError, OSError):
            if time.monotonic() > deadline:
                return {"error": "no result after %d seconds" % PATIENCE_S}
            time.sleep(0.05)
        except Exception as error:
            return {"error": "%s: %s" % (type(error).__name__, error)}


def main():
    sent = []
    for line in sys.stdin:
        path = json.loads(line)
        result = app.send_task("demo.inspectFile", args=[path], queue="demo")
        sent.append(result.id)
        say(event="sent", id=result.id, path=path)
    for task_id in sent:
        say(event="settled", id=task_id, **outcome(task_id))


if __name__ == "__main__":
    main()
