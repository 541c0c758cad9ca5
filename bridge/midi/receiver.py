"""Ports, routers and clocks together: all MIDI input, stamped with its time of arrival."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import mido

from engine import Parameter

from .clock import ClockFollower, TransportState
from .ports import VIRTUAL_NAME, Backend, MidiPorts, find_backend
from .router import Learned, MidiOptions, MidiRouter, Routed, check_free
from .timecode import TimecodeFollower

logger = logging.getLogger(__name__)

Sink = Callable[[Sequence[Routed]], None]
OnArrival = Callable[[float, str, mido.Message, Sequence[Routed]], None]


class _Stamps:
    """Times of messages on the clock of events: those of one port never go back, and equal ones stay equal.

    A message with a time of its own, by `time.monotonic`, keeps it. The offset between the two clocks is read once.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead_s = clock() - time.monotonic()
        self._last_s: dict[str, float] = {}

    def now_s(self) -> float:
        """Return the time of the clock of events."""
        return self._clock()

    def of(self, port: str, message: mido.Message) -> float:
        """Return the due time of a message of this port."""
        return self._after(port, message.time + self._ahead_s if message.time else self._clock())

    def after_all(self, port: str) -> float:
        """Return the current time, after all messages of this port."""
        return self._after(port, self._clock())

    def _after(self, port: str, moment_s: float) -> float:
        moment_s = self._last_s[port] = max(moment_s, self._last_s.get(port, 0.0))
        return moment_s


class MidiReceiver:
    """Calls `sink` with the events of each message as it comes, on the port's thread; the sink must not wait.

    `clock` gives the seconds that events carry. Each port has its own router; when a port goes, its held notes are released.
    Without a `backend` the one that `find` returns is taken.
    `on_arrival(time_s, port, message, routed)` is called for every message, clocks included, after the sink; it must not wait either.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        clock: Callable[[], float],
        options: MidiOptions | None = None,
        wanted: Sequence[str] | None = None,
        virtual_name: str | None = VIRTUAL_NAME,
        backend: Backend | None = None,
        on_arrival: OnArrival | None = None,
        find: Callable[[], Backend] = find_backend,
    ) -> None:
        self._sink, self._clock, self._on_arrival = sink, _Stamps(clock), on_arrival
        self._options = options or MidiOptions()
        self._routers: dict[str, MidiRouter] = {}
        self._lock = threading.Lock()  # several ports, several threads
        self._clock_follower, self._timecode_follower = ClockFollower(), TimecodeFollower()
        self._ports = MidiPorts(
            self.receive,
            self._lost,
            wanted=wanted,
            virtual_name=virtual_name,
            backend=backend,
            find=find,
        )
        self._wanted_parameter: Parameter | None = None

    @property
    def bindings(self) -> Mapping[int, Parameter]:
        """Return the controllers that were bound or learned, and their parameters."""
        return self._options.bindings

    @property
    def learning(self) -> Parameter | None:
        """Return the parameter that the next controller is learned for, if any."""
        return self._wanted_parameter

    @property
    def port_names(self) -> tuple[str, ...]:
        """Return the ports that are open."""
        return self._ports.names

    def start(self) -> tuple[str, ...]:
        """Open ports. Return full sentences about what is not possible on this system."""
        return self._ports.start()

    def close(self) -> None:
        """Close all ports and release what they hold."""
        self._ports.close()
        for name in list(self._routers):
            self._lost(name)

    def learn(self, parameter: Parameter | None) -> None:
        """Let the next controller that moves on any port move `parameter`; None stops waiting. The sink gets a `Learned`."""
        with self._lock:
            self._wanted_parameter = parameter
            for router in self._routers.values():
                router.learn(parameter)

    def bind(self, number: int, parameter: Parameter | None) -> None:
        """Let controller `number` move `parameter` on all ports, now and later; None: its meaning by the table.

        Raises SettingsError for a controller whose meaning is fixed.
        """
        check_free(number)
        with self._lock:
            bindings = {known: moved for known, moved in self._options.bindings.items() if known != number}
            self._options = replace(self._options, bindings=bindings if parameter is None else {**bindings, number: parameter})
            for router in self._routers.values():
                router.bind(number, parameter)

    def clock_s(self) -> float:
        """Return the time by which `TransportState` counts."""
        return self._clock.now_s()

    def clock_state(self) -> TransportState:
        """Return the position of MIDI clock now, or at its last pulse: see `ClockFollower.state_at`."""
        with self._lock:
            return self._clock_follower.state_at(self._clock.now_s())

    def timecode_state(self) -> TransportState:
        """Return the position of MIDI time code now."""
        with self._lock:
            return self._timecode_follower.state_at(self._clock.now_s())

    def receive(self, port: str, message: mido.Message) -> None:
        """Act on a message of a port, on the port's thread."""
        with self._lock:
            time_s = self._clock.of(port, message)
            routed = self._routed(port, message, time_s)
        if routed:
            self._sink(routed)
        if self._on_arrival is not None:
            self._on_arrival(time_s, port, message, routed)

    def _routed(self, port: str, message: mido.Message, time_s: float) -> list[Routed]:
        """Return the events of a message; none if it was for a clock."""
        if self._clock_follower.feed(message, time_s) or self._timecode_follower.feed(message, time_s):
            return []
        routed = self._router(port).feed(message, time_s)
        for item in routed:
            if isinstance(item, Learned):
                self._share(item)
        return routed

    def _router(self, port: str) -> MidiRouter:
        if port not in self._routers:
            self._routers[port] = MidiRouter(self._options, port=len(self._routers))
            self._routers[port].learn(self._wanted_parameter)
        return self._routers[port]

    def _share(self, learned: Learned) -> None:
        """Apply a learned controller of one port to all ports, now and later."""
        self._wanted_parameter = None
        bindings = {**self._options.bindings, learned.number: learned.parameter}
        self._options = replace(self._options, bindings=bindings)
        for router in self._routers.values():
            router.learn(None)
            router.bind(learned.number, learned.parameter)

    def _lost(self, port: str) -> None:
        with self._lock:
            router = self._routers.get(port)
            routed = router.release_all(self._clock.after_all(port)) if router else []
        if routed:
            self._sink(routed)
