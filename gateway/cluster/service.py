"""What instances share, beside requests: told when it is learned, read when the store tells of it,
written behind. A store that is away changes nothing for anybody.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.admission.service import Admission
from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.cluster.decisions import SharedDecisions
from gateway.cluster.facts import Facts
from gateway.cluster.messages import Message, read, written
from gateway.cluster.metrics import ClusterMetrics
from gateway.cluster.reloads import Reloaded, Reloads
from gateway.cluster.responses import SharedResponses
from gateway.cluster.webhook import SECRET, Webhook, name_of, secret_of
from gateway.config import Config
from gateway.config.environment import STATE_KEY, state_keys
from gateway.errors import StoreUnavailable
from gateway.revisions.reload import Reload, Reloader
from gateway.routing.affinity import LIFETIME, Pin
from gateway.routing.plan import Plan
from gateway.routing.state import RouterState
from gateway.store import engine, shared
from gateway.store.counters import LIVE
from gateway.store.database import Database, StoreUnusable
from gateway.store.entry import Store
from gateway.store.shared import Member
from gateway.upstream.concurrency import ConcurrencyLimiter

if TYPE_CHECKING:
    from gateway.cluster.states import SharedStates

PATIENCE: Final = 0.02
"""Seconds that a request waits for a pin; it goes without after that."""
_TICK: Final = 0.05
"""Seconds; everything is done every so many of them."""
_OFTEN: Final = 2
_POLL: Final = 4
"""Between two looks at a store that does not tell."""
_SECOND: Final = 20
_BEAT: Final = 40
_MINUTE: Final = 1200
_MOST_PINS: Final = 10_000
_BYTES_OF_PIN: Final = 100
_STOPPING: Final = 1.0
"""Seconds for what waits to be written at the end."""
_log: Final = logging.getLogger("llm_router")


class Cluster:
    """One for a process."""

    def __init__(
        self,
        config: Config,
        admission: Admission,
        state: RouterState,
        thread: StoreThread,
        keys: Any,
        places: ConcurrencyLimiter,
        version: str,
        webhook: Webhook | None,
    ) -> None:
        """`keys`: that states are sealed with; None: only facts are shared. `version`: of this
        program. `webhook`: None where there is nothing to sign it with.
        """
        self._webhook = webhook
        self._admission = admission
        self._state = state
        self._thread = thread
        self._places = places
        self._clock = admission.clock
        self.name, self.host = admission.leases.instance, socket.gethostname()
        self.metrics = ClusterMetrics(
            lambda: not thread.down,
            lambda: admission.leases.peers,
            lambda: 0 if self.states is None else len(self.states),
            lambda: len({member.revision for member in self.members}),
        )
        thread.took = self.metrics.took
        self.facts = Facts(config, state.health, self._clock, state.now, self.host)
        self._me = Member(self.name, self.host, os.getpid(), version, config.revision, 0, 0)
        keep = admission.policy.store.decisions.keep
        self.decisions = SharedDecisions(self.name, thread, keep, self._clock, self.metrics)
        self._reloads: Reloads | None = None
        self.members: Sequence[Member] = ()
        """Processes that were seen within ten seconds, this one among them, as it looked last."""
        self._telling: list[Message] = []
        self._deleting: list[str] = []
        self._responses: SharedResponses | None = None
        self._rev = 0
        self._created = False
        self.states: SharedStates | None = None
        if keys is not None:
            made = importlib.import_module("gateway.cluster.states").SharedStates
            self.states = made(thread, keys, self._clock, state.now, self.metrics)
            state.affinity.fresh = deque(maxlen=_MOST_PINS)

    def apply_config(self, config: Config) -> None:
        """From now on this holds."""
        self.facts.apply_config(config)
        self._me = self._me._replace(revision=config.revision)

    def reload_with(self, reloader: Reloader) -> None:
        """From now on others may ask for a reload."""
        self._reloads = Reloads(self.name, self._thread, self._clock, reloader)

    async def reload_everywhere(self) -> tuple[Reload, list[Reloaded]]:
        """Here and at all other processes. Raises StoreUnavailable: then nothing was done."""
        if self._reloads is not None:
            with contextlib.suppress(StoreDown):
                return await self._reloads.everywhere()
        raise StoreUnavailable(
            "What instances share cannot be reached, so none was asked, and nothing was reloaded."
        )

    @property
    def standing(self) -> dict[str, Any]:
        """Which processes are there, for everybody to read."""
        members = self.members
        return {
            "live": len(members),
            "versions": sorted({member.version for member in members}),
            "revisions": sorted({member.revision for member in members}),
        }

    def responses(self, own: Store | None, lifetime: float) -> Store | None:
        """A store of responses that the other instances find, too, where states are shared."""
        if own is None or self.states is None:
            return own
        self._responses = SharedResponses(own, self.states, lifetime)
        return self._responses

    def misses(self, plan: Plan) -> bool:
        """Whether another instance may know where the plan's conversation was served."""
        facts = plan.facts
        if self.states is None or facts.conversation is None or "history" not in facts.features:
            return False
        eligible = plan.eligible
        if len(eligible) < 2 and (not eligible or len(eligible[0].provider.keys) < 2):
            return False
        return self._state.affinity.find(facts.conversation, self._state.now()) is None

    async def learn_pin(self, plan: Plan) -> bool:
        """Ask the store where the plan's conversation was served; whether it knows."""
        conversation = plan.facts.conversation
        if self.states is None or conversation is None:
            return False
        name = (conversation,)
        found = (await self.states.find("pin", [name], PATIENCE) or {}).get(name)
        if found is None:
            return False
        pin = Pin(*found)
        self._state.affinity.remember(conversation, pin.target, pin.key, self._state.now())
        return True

    async def tend(self) -> None:
        """Until it is cancelled."""
        works: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (_SECOND, self._create),
            (_OFTEN, self._tell),
            (_OFTEN, self._share_probes),
            (1, self._hear_told),
            (_POLL, self._hear_untold),
            (_SECOND, self._hear),
            (_BEAT, self._beat),
            (_SECOND, self._alert),
            (_SECOND, self.decisions.write),
            (1, self._write),
            (_MINUTE, self._forget_old),
        )
        self._thread.probed = True
        with contextlib.suppress(StoreDown):
            await self._create()
            await self._beat()
        step = 0
        while True:
            await asyncio.sleep(_TICK)
            step += 1
            self._places.divide(*self._admission.share)
            for every, work in works:
                if step % every == 0 and (self._created or work == self._create):
                    with contextlib.suppress(StoreDown):
                        await work()

    async def stop(self) -> None:
        """What waits is written, if that is soon done."""
        if self._reloads is not None:
            await self._reloads.stop()
        with contextlib.suppress(StoreDown, TimeoutError):
            async with asyncio.timeout(_STOPPING):
                if self._created and not self._thread.down:
                    await self._tell()
                    await self._write()
                    await self.decisions.write()
                    await self._thread.call(shared.remove_member, self.name)
        await self._thread.close()

    async def _create(self) -> None:
        if not self._created:
            await self._thread.call(_prepare, probe=True)
            self._created = True

    async def _beat(self) -> None:
        """This process is there; and who else is."""
        now = int(self._clock())
        self._me = self._me._replace(seen=now, started=self._me.started or now)
        await self._thread.call(shared.present, self._me)
        self.members = await self._thread.call(shared.members, now - LIVE)

    async def _alert(self) -> None:
        """Tell of steps of budgets that nobody else has told of."""
        reached, alerts = self._admission.queue.reached, self._admission.policy.alerts
        while reached:
            if alerts is not None and self._webhook is not None:
                name, now = name_of(reached[0]), int(self._clock())
                if await self._thread.call(shared.first_to_tell, name, now):
                    self._webhook.tell(alerts.webhook, reached[0])
            reached.popleft()

    async def _tell(self) -> None:
        self._telling += self.facts.learned()
        if self._responses is not None and self.states is not None:
            deleted = self._responses.deleted
            while deleted:
                self._deleting.append(self.states.sealed_name(deleted.popleft()))
        if not self._telling and not self._deleting:
            return
        now = self._clock()
        self._telling = [fact for fact in self._telling if fact.until > now][-_MOST_TOLD:]
        self._deleting = self._deleting[-_MOST_TOLD:]
        for text, told in written(self._telling, self._deleting):
            until = max([fact.until for fact in told.facts], default=now + _DELETED_FOR)
            if told.deleted:
                until = max(until, now + _DELETED_FOR)
            await self._thread.call(shared.tell, self.name, int(now), int(until) + 1, text)
            self._telling = self._telling[len(told.facts) :]
            self._deleting = self._deleting[len(told.deleted) :]
            for fact in told.facts:
                self.metrics.fact(fact.kind, "told")
            return  # one at a time: ten a second

    async def _share_probes(self) -> None:
        """One instance probes a target that all have set aside."""
        if self._admission.leases.peers > 1:
            for target, name in self.facts.due():
                now = int(self._clock())
                until = now + _PROBED_FOR
                if not await self._thread.call(shared.may_probe, self.name, name, now, until):
                    self.facts.leave_to_another(target)

    async def _hear_told(self) -> None:
        signals = self._admission.signals
        if signals is not None and signals.listening and signals.take("told"):
            await self._hear()

    async def _hear_untold(self) -> None:
        if self._admission.signals is None:
            await self._hear()

    async def _hear(self) -> None:
        """Read what the others have told since the last time."""
        now = int(self._clock())
        heard = await self._thread.call(shared.told_since, self.name, self._rev, now, probe=True)
        for told in heard:
            self._rev = told.rev
            if self._reloads is not None:
                self._reloads.hear(told.sender, told.body)
            telling, wrong = read(told.body)
            if wrong:
                self.metrics.fact("unknown", "ignored", wrong)
            for fact in telling.facts:
                adopted = self.facts.adopt(told.sender, told.at, fact)
                self.metrics.fact(fact.kind, "adopted" if adopted else "ignored")
            await self._forget_deleted(telling.deleted)
        self.facts.forget_old(self._admission.leases.peers)

    async def _forget_deleted(self, deleted: Sequence[str]) -> None:
        if self._responses is None or self.states is None:
            return
        for sealed in deleted:
            name = self.states.opened_name(sealed)
            if name is not None:
                await self._responses.forget_here(*name)

    async def _write(self) -> None:
        if self.states is None:
            return
        fresh = self._state.affinity.fresh
        while fresh:
            conversation, pin = fresh.popleft()
            self.states.keep("pin", (conversation,), pin, _BYTES_OF_PIN, LIFETIME)
        await self.states.write()

    async def _forget_old(self) -> None:
        await self._thread.call(shared.forget_members, int(self._clock()) - _SILENT_FOR)
        await self._thread.call(shared.forget_told, int(self._clock()) - _TOLD_FOR)
        await self.decisions.forget_old()
        if self.states is not None:
            await self.states.forget_old()


_MOST_TOLD: Final = 1000
_TOLD_FOR: Final = 400 * 86_400
_SILENT_FOR: Final = 86_400
"""Seconds for which a process that is gone is still told of."""
_PROBED_FOR: Final = 5
"""Seconds for which a probe is one instance's."""
_DELETED_FOR: Final = 3600.0
"""Seconds that a message of what was deleted holds."""


@asynccontextmanager
async def running(
    config: Config,
    directory: Path,
    environ: Mapping[str, str],
    admission: Admission,
    state: RouterState,
    places: ConcurrencyLimiter,
    version: str,
) -> AsyncIterator[Cluster]:
    """What this process shares. `directory`: of what outlives it; `places`: at providers, which all
    processes divide; `version`: of this program. Raises StoreUnusable.
    """
    url = engine.store_url(admission.policy.store.url, environ)
    keys, webhook = seal_of(environ), _webhook_of(environ, admission)
    database = await asyncio.to_thread(engine.open_shared, url, directory)
    thread = StoreThread(database, state.now, "what instances share in the store")
    cluster = Cluster(config, admission, state, thread, keys, places, version, webhook)
    tending = asyncio.ensure_future(cluster.tend())
    tending.add_done_callback(_ended)
    try:
        yield cluster
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await cluster.stop()
        if webhook is not None:
            await webhook.close()


def _webhook_of(environ: Mapping[str, str], admission: Admission) -> Webhook | None:
    """What tells of budgets, if there is a secret. Raises StoreUnusable."""
    try:
        secret = secret_of(environ)
    except ValueError as error:
        raise StoreUnusable(str(error), SECRET) from None
    if secret is not None:
        return Webhook(secret, admission.clock)
    if admission.policy.alerts is not None:
        raise StoreUnusable(f"needs {SECRET}, which it is signed with", "alerts.webhook")
    return None


def _ended(tending: "asyncio.Task[None]") -> None:
    if not tending.cancelled() and (error := tending.exception()) is not None:
        _log.error("nothing is shared with other instances any more: %r", error)


def _prepare(database: Database) -> None:
    """The tables; and the statements of the first read are known, which has little patience."""
    shared.create(database)
    for count in (1, 2):
        shared.find(database, [b""] * count, 0)


def seal_of(environ: Mapping[str, str]) -> Any:
    """What states are sealed with; None where the operator gave no key."""
    secrets = state_keys(environ)
    if not secrets:
        return None
    try:
        return importlib.import_module("gateway.cluster.seal").StateKeys(secrets)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "cryptography":
            raise
        said = "needs cryptography: pip install 'llm-router[seal]'"
        raise StoreUnusable(said, STATE_KEY) from None
