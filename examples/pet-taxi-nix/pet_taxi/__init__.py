"""A web service with a business plan."""

import os

from flask import Flask

app = Flask(__name__)


@app.route("/")
def plan() -> str:
    return os.environ.get(
        "JOKE", "I will require a $10M series B to write a blockchain-based pet taxi app."
    ) + "\n"


def main() -> None:
    app.run(host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "5000")))
