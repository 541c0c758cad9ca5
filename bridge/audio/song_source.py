"""The placed source of a track: audio that belongs to a sample of the song and sounds there or not at all.

`PlacedWriter` keeps the whole song of a track in its own memory and copies the pages around the playhead into shared slots. The
audio process looks up the page it needs. A page that is not there is silence, and counted if audio was expected.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .control import TransportState, transport_of
from .fades import CrossFade, FadeIn, Tail, fade_samples
from .live_ring import as_channels
from .memory import MAX_FRAMES, AudioMemory, Fence

SILENT, EXPECTED, PRESENT = 0, 1, 2  # of each sample of the song
_MOST_TARGETS = 3  # places to which the playhead is about to be sent, as by a locate and a new loop at once
_AHEAD_SHARE = 3 / 4  # of the slots; the rest receives pages that are replaced while they play


class PlacedWriter:
    """Places a track's audio on the song's time line, from any process. One writer per track at a time.

    Positions are samples of the song at the device's rate. `feed` has to be called often, many times in the length of the window
    (the thread of `AudioEngine` does, every 20 ms); it and the others may be called from different threads.
    """

    def __init__(self, memory: AudioMemory, track: int) -> None:
        self._memory, self.track = memory, track
        self._lock = threading.RLock()
        self._channels, self._page_samples = memory.address.channels, memory.address.page_samples
        self._fade = fade_samples(memory.address.sample_rate)
        self._song: dict[int, tuple[NDArray[np.float32], NDArray[np.uint8]]] = {}
        self._slot_pages, self._slots, self._gaps = memory.slot_pages[track], memory.slots[track], memory.slot_gaps[track]
        self._slot_of = {
            int(page): slot for slot, page in enumerate(self._slot_pages) if page >= 0
        }  # left by a writer before us
        self._dirty = set(self._slot_of)
        self._in_use = memory.placed_in_use[track]
        self._retired: dict[int, tuple[int, TransportState]] = {}  # slot: its page, and how things stood when it was retired
        self._next_starts: deque[int] = deque(maxlen=_MOST_TARGETS)  # where the playhead was sent and has not arrived
        self._fence = Fence()

    def place(self, song_sample: int, samples: NDArray[np.float32]) -> None:
        """Put `samples` `[N]` or `[C, N]` at `song_sample` >= 0, over what was there."""
        with self._lock:
            block = as_channels(samples, self._channels)
            for page, in_page, in_block in self._pages(song_sample, song_sample + block.shape[1]):
                audio, state = self._page(page)
                audio[:, in_page] = block[:, in_block]
                state[in_page] = PRESENT

    def expect(self, start: int, stop: int) -> None:
        """Announce audio from song sample `start` to `stop`: until it is placed it counts as missing."""
        with self._lock:
            self._mark(start, stop, EXPECTED)

    def clear(self, start: int, stop: int) -> None:
        """Make song samples `start` to `stop` silent on purpose."""
        with self._lock:
            self._mark(start, stop, SILENT)

    def missing(self) -> list[tuple[int, int]]:
        """Return spans of the song `(start, stop)` that were announced and not placed, in order."""
        spans: list[tuple[int, int]] = []
        for page in sorted(self._song):
            padded = np.concatenate([[False], self._song[page][1] == EXPECTED, [False]])
            edges = np.flatnonzero(padded[1:] != padded[:-1]) + page * self._page_samples
            for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                if spans and spans[-1][1] == start:
                    start = spans.pop()[0]
                spans.append((start, stop))
        return spans

    def prepare(self, song_sample: int) -> None:
        """Copy the pages from `song_sample` on too, before the playhead is sent there."""
        with self._lock:
            if song_sample in self._next_starts:
                self._next_starts.remove(song_sample)
            self._next_starts.append(song_sample)
            self.feed()

    def feed(self) -> None:
        """Bring the shared slots up to date with the playhead and with what was placed."""
        with self._lock:
            if not self._song and not self._slot_of:
                return
            self._in_use[0] = 1
            now = transport_of(self._memory)
            wanted = self._wanted(now.song_sample, now.loop)
            for page in [page for page in self._slot_of if page not in wanted]:
                self._retire(page, now)
            free = self._free_slots(now)
            for page in wanted:
                if page in self._slot_of and page not in self._dirty:
                    continue
                if not free:
                    break
                self._publish(page, free.pop(), now)

    def close(self) -> None:
        """Release the shared memory; fed pages stay there."""
        del self._slot_pages, self._slots, self._gaps, self._in_use, self._memory

    def _wanted(self, playhead: int, loop: tuple[int, int] | None) -> list[int]:
        """Return the pages to copy, the soonest played first, empty ones included: a page that is not there counts as late."""
        most = int(self._memory.address.pages * _AHEAD_SHARE)
        for target in list(self._next_starts):
            if playhead // self._page_samples == target // self._page_samples:
                self._next_starts.remove(target)  # the playhead has arrived, or needs the same pages
        here = self._order(playhead, loop)
        *older, newest = [self._order(target, loop) for target in self._next_starts] or [here]
        ways = [newest, here, newest, here, *older]
        wanted: dict[int, None] = {}
        for _ in range(most):
            for way in ways:
                if len(wanted) < most:
                    wanted.setdefault(next(way))
        return list(wanted)

    def _order(self, start: int, loop: tuple[int, int] | None) -> Iterator[int]:
        """Yield pages in the order in which they are played from song sample `start` on."""
        page = start // self._page_samples
        if loop is not None and start < loop[1]:
            while True:
                yield from range(page, (loop[1] - 1) // self._page_samples + 1)
                page = loop[0] // self._page_samples
        while True:
            yield page
            page += 1

    def _free_slots(self, now: TransportState) -> list[int]:
        """Return slots that the audio process does not read any more.

        A callback in progress may have found a page just before it was retired. Later ones do not find it; only around the playhead may they
        still fade from what they have played.
        """
        playing = now.song_sample // self._page_samples
        for slot, (page, then) in list(self._retired.items()):
            is_lost = now.callbacks > then.callbacks or not now.in_callback
            is_near = now.playing and playing - 1 <= page <= playing + 1
            if (is_lost and not is_near) or now.device_sample >= then.device_sample + self._fade + 2 * MAX_FRAMES:
                del self._retired[slot]
        taken = {*self._slot_of.values(), *self._retired}
        return [slot for slot in range(len(self._slot_pages)) if slot not in taken]

    def _retire(self, page: int, now: TransportState) -> None:
        slot = self._slot_of.pop(page)
        self._slot_pages[slot] = -1
        self._retired[slot] = (page, now)

    def _publish(self, page: int, slot: int, now: TransportState) -> None:
        self._slots[slot], self._gaps[slot] = self._compose(page)
        self._fence()
        self._slot_pages[slot] = page
        if page in self._slot_of:
            self._slot_pages[self._slot_of[page]] = -1
            self._retired[self._slot_of[page]] = (page, now)
        self._slot_of[page] = slot
        self._dirty.discard(page)

    def _compose(self, page: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return a page as it is played: audio fades towards missing samples instead of breaking off."""
        if page not in self._song:
            return np.zeros((self._channels, self._page_samples), np.float32), np.zeros(self._page_samples, np.uint8)
        audio, state = self._song[page]
        around = np.zeros(self._page_samples + 2 * self._fade, np.uint8)
        around[self._fade : -self._fade] = state
        if page - 1 in self._song:
            around[: self._fade] = self._song[page - 1][1][-self._fade :]
        if page + 1 in self._song:
            around[-self._fade :] = self._song[page + 1][1][: self._fade]
        holes = np.flatnonzero(around == EXPECTED) - self._fade
        if not len(holes):
            return audio, np.zeros(self._page_samples, np.uint8)
        samples = np.arange(self._page_samples)
        after = np.searchsorted(holes, samples)
        distance = np.minimum(
            np.abs(samples - holes[np.maximum(after - 1, 0)]), np.abs(samples - holes[np.minimum(after, len(holes) - 1)])
        )
        return audio * np.minimum(distance / self._fade, 1.0).astype(np.float32), (state == EXPECTED).astype(np.uint8)

    def _mark(self, start: int, stop: int, state: int) -> None:
        for page, in_page, _ in self._pages(start, stop):
            audio, states = self._page(page)
            audio[:, in_page] = 0.0
            states[in_page] = state

    def _pages(self, start: int, stop: int) -> Iterator[tuple[int, slice, slice]]:
        """Yield the pages of a span of the song: number, slice of the page, slice of the span. Neighbours fade with it, so all become dirty."""
        if not 0 <= start <= stop:
            raise ValueError(f"song samples {start} to {stop}; 0 or more, in order, are possible")
        size = self._page_samples
        for page in range(start // size, -(-stop // size)):
            low, high = max(start - page * size, 0), min(stop - page * size, size)
            yield page, slice(low, high), slice(page * size + low - start, page * size + high - start)
        self._dirty.update(range(max(start - self._fade, 0) // size, (stop + self._fade) // size + 1))

    def _page(self, page: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        if page not in self._song:
            self._song[page] = (
                np.zeros((self._channels, self._page_samples), np.float32),
                np.zeros(self._page_samples, np.uint8),
            )
        return self._song[page]


class PlacedReader:
    """Reads a track's placed audio in the audio callback. Never waits; blocks are at most `MAX_FRAMES` long.

    Cuts are hidden by fades of 5 ms: out of what a jump or a missing page breaks off, into what is cut into (not into a phrase that
    starts there), and across where a page is replaced while it plays.
    """

    def __init__(self, memory: AudioMemory, track: int) -> None:
        address = memory.address
        self._in_use = memory.placed_in_use[track]
        self._slot_pages, self._slots, self._gaps = memory.slot_pages[track], memory.slots[track], memory.slot_gaps[track]
        self._page_samples = address.page_samples
        fade = fade_samples(address.sample_rate)
        self._tail, self._fade_in = Tail(address.channels, fade), FadeIn(fade, MAX_FRAMES)
        self._cross_fade = CrossFade(address.channels, fade, MAX_FRAMES)
        self._page, self._slot, self._old_slot = -1, -1, -1
        self._slot_after = -1  # of the page after this one, as it was before a cross-fade
        self._next = -1  # the song sample that goes on where we are
        self._fence = Fence()
        self.missing_samples = 0

    def read(self, out: NDArray[np.float32], song_sample: int) -> None:
        """Fill `out[C, N]` with the song from `song_sample` on."""
        if not self._in_use[0]:
            out[:] = 0.0
            return
        if song_sample != self._next:
            self._leave()
            if self._sounds_before(song_sample):
                self._fade_in.start()
        at = 0
        while at < out.shape[1]:
            page, offset = divmod(song_sample + at, self._page_samples)
            count = min(self._page_samples - offset, out.shape[1] - at)
            self._read_page(page, offset, out[:, at : at + count])
            at += count
        self._next = song_sample + at

    def stand(self, out: NDArray[np.float32]) -> None:
        """Fill `out[C, N]` while the transport does not play."""
        out[:] = 0.0
        self._leave()
        self._tail.add_to(out, 0)

    def close(self) -> None:
        """Release the shared memory."""
        del self._slot_pages, self._slots, self._gaps, self._in_use

    def _leave(self) -> None:
        if self._next >= 0:
            self._tail.start()
        self._next = self._page = self._slot = -1
        self._cross_fade.cancel()

    def _read_page(self, page: int, offset: int, out: NDArray[np.float32]) -> None:
        slot, stop = self._find(page), offset + out.shape[1]
        self._fence()
        if self._page >= 0:
            self._notice_change(page, slot)
        self._page, self._slot = page, slot
        if slot < 0:
            out[:] = 0.0
            self.missing_samples += out.shape[1]
        else:
            out[:] = self._slots[slot, :, offset:stop]
            self.missing_samples += int(np.count_nonzero(self._gaps[slot, offset:stop]))
            if self._cross_fade.running:
                self._cross_fade.apply(out, self._slots[self._old_slot, :, offset:stop] if self._old_slot >= 0 else None)
            self._fade_in.apply(out)
        if not self._cross_fade.running:
            self._slot_after = self._find(page + 1)
        self._tail.remember(out)
        self._tail.add_to(out, 0)

    def _notice_change(self, page: int, slot: int) -> None:
        """Start the fade for audio that goes missing, comes back, or changes."""
        if slot < 0 <= self._slot:
            self._tail.start()
            self._cross_fade.cancel()
        elif self._slot < 0 <= slot:
            self._fade_in.start()
        elif slot >= 0:
            expected = self._slot if page == self._page else self._slot_after
            if page != self._page and self._cross_fade.running:
                self._old_slot = expected if expected != slot else -1
            elif slot != expected >= 0:
                self._old_slot = expected
                self._cross_fade.start()

    def _find(self, page: int) -> int:
        """Return the slot that holds a page, the one not played before if two do; -1 if none."""
        found = np.flatnonzero(self._slot_pages == page)
        if not len(found):
            return -1
        return int(found[-1] if found[0] == self._slot else found[0])

    def _sounds_before(self, song_sample: int) -> bool:
        if song_sample <= 0:
            return False
        page, offset = divmod(song_sample - 1, self._page_samples)
        slot = self._find(page)
        return slot >= 0 and bool(self._slots[slot, :, offset].any())
