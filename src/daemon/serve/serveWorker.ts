/**
 * Thread entry of the daemon's control loop: owns the one robot there is, carries out the main thread's orders one after
 * the other, and between them holds. Emergency stop and abort do not come as orders but through shared memory, which the
 * loop looks at in every tick.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Move } from '../../contract/api.js';
import { intrinsicsOf } from '../../contract/camera.js';
import { AlohadError, EXIT } from '../../contract/errors.js';
import { CONTROL_PERIOD_S } from '../../contract/robot.js';
import { Limits } from '../../control/limits.js';
import { RemoteGoals } from '../../control/remoteGoals.js';
import { anyOf, ControlSession } from '../../control/session.js';
import { RealTimeClock, type StopSignal } from '../../realtime/clock.js';
import { requestFifo } from '../../realtime/fifo.js';
import { MeteredClock } from '../../realtime/meteredClock.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { TimingHistogram, type TimingSummary } from '../../realtime/timingHistogram.js';
import { openWorkcell } from '../backends.js';
import { worldOptions } from '../parts.js';
import { rebootServos, type RebootPerson } from '../rebooting.js';
import { describeStop, LEFT_STIFF } from '../withWorkcell.js';
import { capturedView, warnOfCameras } from '../rigCameras.js';
import type { Workcell } from '../workcell.js';
import { EpisodeRun } from './episodeRun.js';
import { StatesTap } from './statesTap.js';
import { StopWords, TickTap, type LiveMemory } from './liveMemory.js';
import type { EpisodeEnd, FromControl, Order, ToControl } from './orders.js';

const STATISTICS_MS = 500;
/** Who asked for a reboot did so beside the arms: nothing more is asked. */
const BESIDE_THE_ARMS: RebootPerson = {
  tell: (text) => {
    post({ kind: 'warning', text });
  },
  confirms: () => true,
  moment: async () => {},
};

const port = parentPort!;
const post = (message: FromControl): void => {
  port.postMessage(message);
};

const memory: LiveMemory = workerData;
const words = new StopWords(memory);
const clock = new MeteredClock(new RealTimeClock(CONTROL_PERIOD_S * 1000, words.bed));
const stopping = new TimingHistogram();
const latency = new TimingHistogram();
const tap = new TickTap(memory);
/** Of whichever robot is connected. */
const limits = new Limits();

type Asked = Extract<ToControl, { kind: 'order' }>;
const orders: Asked[] = [];
/** Who takes moves now, and moves that came before it was there. */
let remote: RemoteGoals | undefined;
let early: readonly Move[] = [];
/** Standing ends when there is something to do. */
const asked: StopSignal = {
  get aborted() {
    return orders.length > 0;
  },
};

interface Connected {
  readonly cell: Workcell;
  readonly session: ControlSession;
}
let connected: Connected | undefined;
/** The episode in progress. */
let episode: EpisodeRun | undefined;

port.on('message', (message: ToControl) => {
  if (message.kind === 'move') {
    if (remote) for (const move of message.moves) remote.take(move);
    else early = [...early, ...message.moves];
    return;
  }
  if (message.kind === 'limit') {
    limits.velocityRadPerS = message.velocityRadPerS;
    return;
  }
  // Now and not when it is carried out: a limit that is changed meanwhile is newer than that of the rig.
  if (message.order.kind === 'connect') limits.velocityRadPerS = message.order.rig.limits.velocityRadPerS;
  if (message.order.kind === 'remote') early = [];
  orders.push(message);
});
const { granted, advice } = requestFifo();
post({ kind: 'ready', ...(!granted && advice !== undefined && { fifo: advice }) });
setInterval(tellStatistics, STATISTICS_MS).unref();

for (;;) {
  const next = orders.shift();
  if (next) await answer(next);
  else await stand();
}

async function stand(): Promise<void> {
  try {
    if (connected) await connected.session.stand(asked);
    else while (!asked.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
  } catch (error) {
    post({ kind: 'warning', text: `the arms hold: ${String(error)}` });
  }
}

async function answer({ id, order }: Asked): Promise<void> {
  try {
    const result = await carryOut(order);
    post({ kind: 'done', id, ...(result !== undefined && { result }) });
  } catch (error) {
    const known = error instanceof AlohadError;
    const stack = !known && error instanceof Error ? { stack: error.stack ?? '' } : {};
    post({
      kind: 'failed',
      id,
      name: known ? error.name : 'UnexpectedError',
      message: error instanceof Error ? error.message : String(error),
      exitCode: known ? error.exitCode : EXIT.failed,
      ...stack,
    });
  }
  tellStatistics();
}

async function carryOut(order: Order): Promise<EpisodeEnd | undefined> {
  switch (order.kind) {
    case 'connect':
      await disconnect(order.limp);
      await connect(order.rig);
      return undefined;
    case 'hold':
      await required().session.activate();
      return undefined;
    case 'reset':
      connected?.session.reset();
      return undefined;
    case 'disconnect':
      await disconnect();
      return undefined;
    case 'reboot':
      await disconnect();
      await rebootServos(order.rig, order.arm, BESIDE_THE_ARMS, new AbortController().signal);
      return undefined;
    case 'episode': {
      const { cell, session } = required();
      episode = new EpisodeRun(order.episode, cell, session, memory, latency, (text) =>
        post({ kind: 'instruction', text }),
      );
      try {
        return await episode.play(anyOf(words.abort, words.stop));
      } finally {
        episode = undefined;
      }
    }
    case 'remote':
      await followMoves();
      return 'stopped';
    default:
      return order satisfies never;
  }
}

/** The arms do what moves ask, until they are told to stop. */
async function followMoves(): Promise<void> {
  const { session } = required();
  await session.activate();
  const { goal } = session;
  remote = new RemoteGoals(goal);
  for (const move of early) remote.take(move);
  try {
    await session.episode({ source: remote, steps: Infinity, goal, signal: words.abort });
  } finally {
    remote = undefined;
  }
}

async function connect(rig: Extract<Order, { kind: 'connect' }>['rig']): Promise<void> {
  const cell = await openWorkcell(rig);
  const { robot } = cell;
  warnOfCameras(cell, (text) => post({ kind: 'warning', text }));
  const states = new StatesTap();
  let moving = false;
  const session = new ControlSession({
    robot,
    clock,
    limits,
    listeners: [tap, states],
    stop: words.stop,
    onMode: (arms) => {
      // This is the first thing that happens after moving arms were told to hold.
      if (moving && arms === 'stopped') stopping.record(monotonicMs() - words.stopMs);
      moving = arms === 'aligning' || arms === 'active' || arms === 'parking';
      post({ kind: 'arms', arms });
    },
    onStopped: (failure) => {
      post({ kind: 'stopped', holds: failure === undefined, text: describeStop(failure) });
    },
    onListenerError: (_, error) => {
      post({ kind: 'warning', text: `a listener of the loop failed and was detached: ${String(error)}` });
    },
  });
  try {
    await session.connect();
  } catch (error) {
    await cell.close();
    throw error;
  }
  const drawn = cell.physics && states.of(cell.physics);
  connected = { cell, session };
  post({
    kind: 'connected',
    told: {
      cameras: robot.images.cameras,
      intrinsics: intrinsicsOf(robot.images),
      judges: cell.judge !== undefined,
    },
    ...(cell.webcams
      ? { view: capturedView(cell.webcams) }
      : drawn && { view: { kind: 'sim', world: worldOptions(rig), states: drawn } }),
  });
}

async function disconnect(told = false): Promise<void> {
  const before = connected;
  connected = undefined;
  try {
    if ((await before?.session.disconnect(told)) === true) post({ kind: 'warning', text: LEFT_STIFF });
  } finally {
    await before?.cell.close();
  }
}

function required(): Connected {
  if (!connected) throw new AlohadError('no robot is connected; choose a backend first');
  return connected;
}

function tellStatistics(): void {
  post({
    kind: 'statistics',
    told: {
      servos: connected?.cell.robot.health?.() ?? [],
      webcams: connected?.cell.webcams?.health ?? [],
      loop: {
        ticks: clock.ticks,
        missed: clock.allMissed,
        late: timing(clock.late.summary()),
        lateHistogram: clock.late.rows(),
        busy: timing(clock.busy.summary()),
        stopping: timing(stopping.summary()),
        latency: timing(latency.summary()),
        recorder: episode?.recorder ?? null,
      },
    },
  });
}

function timing({ count, p50Ms, p99Ms, maxMs }: TimingSummary) {
  return { count, p50Ms, p99Ms, maxMs };
}
