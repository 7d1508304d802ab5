"""The sandbox's Pub/Sub answers as Google's emulator does, wherever the emulator answers as the service does."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from exporter.sandbox.clock import Clock
from tests.sandbox.pubsub.client_script import SCENES
from tests.sandbox.pubsub.play import Play

START_S = 60


def emulator_command() -> list[str] | None:
    """How to start the emulator, if ``gcloud`` has it and Java is there."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        return None
    root = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()
    program = Path(root) / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
    return [str(program)] if program.exists() else None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def clock() -> Clock:
    """The real time, which is the emulator's."""
    return Clock()


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The address of a running emulator, in a process group of its own."""
    command = emulator_command()
    if command is None:
        pytest.skip("Google's Pub/Sub emulator is not installed (gcloud components install pubsub-emulator, and Java)")
    address = f"127.0.0.1:{free_port()}"
    host, port = address.split(":")
    process = subprocess.Popen(
        [*command, f"--host={host}", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=START_S)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)


def answers(channel: grpc.Channel, scene: str) -> list[tuple[str, Any]]:
    """What the other end of a channel answers to the steps of a scene."""
    publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    play = Play(publisher, subscriber, f"parity-{scene.replace('_', '-')}")
    SCENES[scene](play)
    return play.steps


@pytest.mark.parametrize("scene", SCENES)
def test_the_sandbox_answers_as_the_emulator(scene: str, emulator: str, channel: grpc.Channel) -> None:
    ours = answers(channel, scene)
    with grpc.insecure_channel(emulator) as theirs_channel:
        theirs = answers(theirs_channel, scene)
    assert len(ours) >= 5
    assert ours == theirs
