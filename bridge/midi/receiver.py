"""Ports, routers and clocks together: everything that comes in by MIDI, stamped with its time of arrival."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import mido

from engine import LiveParameter

from .clock import ClockFollower, TransportState
from .ports import VIRTUAL_NAME, Backend, MidiPorts, age_s
from .router import Learned, MidiOptions, MidiRouter, Routed, check_free
from .timecode import TimecodeFollower

logger = logging.getLogger(__name__)

Sink = Callable[[Sequence[Routed]], None]
OnArrival = Callable[[float, str, mido.Message, Sequence[Routed]], None]


class MidiReceiver:
    """Calls `sink` with the events of each message as it comes, in the port's thread; it must not wait for anything.

    `clock` gives the seconds that events carry. Each port has a router of its own; when a port goes, what it held is released.
    `rehearse` gets what notes that nobody played become, in the same thread, where the interface keeps it awake with them.
    `on_arrival(time_s, port, message, routed)` hears of every message, clocks included, after the sink; it must not wait either.
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
        rehearse: Sink | None = None,
    ) -> None:
        self._sink, self._clock, self._on_arrival = sink, clock, on_arrival
        self._rehearsal, self._rehearsing_router = rehearse, MidiRouter()
        self._options = options or MidiOptions()
        self._routers: dict[str, MidiRouter] = {}
        self._lock = threading.Lock()  # several ports, several threads
        self._clock_follower, self._timecode_follower = ClockFollower(), TimecodeFollower()
        self._ports = MidiPorts(
            self._receive,
            self._lost,
            wanted=wanted,
            virtual_name=virtual_name,
            backend=backend,
            on_rehearsal=self._rehearse if rehearse else None,
        )
        self._wanted_parameter: LiveParameter | None = None

    @property
    def port_names(self) -> tuple[str, ...]:
        """The ports that are open now."""
        return self._ports.names

    def start(self) -> tuple[str, ...]:
        """Open ports; full sentences about what is not possible here."""
        return self._ports.start()

    def close(self) -> None:
        """Close all ports and release what they hold."""
        self._ports.close()
        for name in list(self._routers):
            self._lost(name)

    def learn(self, parameter: LiveParameter | None) -> None:
        """The next controller that moves on any port will move `parameter`; None stops waiting. The sink gets a `Learned`."""
        with self._lock:
            self._wanted_parameter = parameter
            for router in self._routers.values():
                router.learn(parameter)

    def bind(self, number: int, parameter: LiveParameter | None) -> None:
        """Controller `number` moves `parameter` on all ports, now and later; None: what it means by itself. Raises SettingsError for one
        with a meaning that stays."""
        check_free(number)
        with self._lock:
            bindings = {known: moved for known, moved in self._options.bindings.items() if known != number}
            self._options = replace(self._options, bindings=bindings if parameter is None else {**bindings, number: parameter})
            for router in self._routers.values():
                router.bind(number, parameter)

    def clock_state(self) -> TransportState:
        """Where MIDI clock stands now."""
        with self._lock:
            return self._clock_follower.state_at(self._clock())

    def timecode_state(self) -> TransportState:
        """Where MIDI time code stands now."""
        with self._lock:
            return self._timecode_follower.state_at(self._clock())

    @property
    def rehearses(self) -> bool:
        """Whether it keeps the way of a note warm by itself, with notes that nobody played."""
        return self._ports.rehearses

    def _rehearse(self, message: mido.Message) -> None:
        assert self._rehearsal is not None
        with self._lock:
            routed = self._rehearsing_router.feed(message, self._clock() - age_s(message))
        self._rehearsal(routed)

    def _receive(self, port: str, message: mido.Message) -> None:
        time_s = self._clock() - age_s(message)
        with self._lock:
            routed = self._routed(port, message, time_s)
        if routed:
            self._sink(routed)
        if self._on_arrival is not None:
            self._on_arrival(time_s, port, message, routed)

    def _routed(self, port: str, message: mido.Message, time_s: float) -> list[Routed]:
        """What a message asks for; nothing if it was for a clock."""
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
        """What one port's controller was learned for holds on all of them, now and later."""
        self._wanted_parameter = None
        bindings = {**self._options.bindings, learned.number: learned.parameter}
        self._options = replace(self._options, bindings=bindings)
        for router in self._routers.values():
            router.learn(None)
            router.bind(learned.number, learned.parameter)

    def _lost(self, port: str) -> None:
        with self._lock:
            router = self._routers.get(port)
            routed = router.release_all(self._clock()) if router else []
        if routed:
            self._sink(routed)
