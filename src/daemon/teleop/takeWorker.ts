/** Thread entry: takes, one after the other; a person leads, and says by words what becomes of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { CONTROL_PERIOD_S } from '../../contract/robot.js';
import type { TakePhase } from '../../contract/takes.js';
import { describeFollowing, Following } from '../../control/following.js';
import type { LoopOutcome } from '../../control/loop.js';
import { ModeError } from '../../control/modes.js';
import { anyOf, type ControlSession } from '../../control/session.js';
import { requestFifo } from '../../realtime/fifo.js';
import { sampleStartPose } from '../../simulation/startPoses.js';
import { EpisodeRecording } from '../episodeRecording.js';
import { leaderSource } from '../leaderSource.js';
import { failedMessage } from '../remoteError.js';
import type { Source } from '../sources.js';
import { withWorkcell } from '../withWorkcell.js';
import type { Workcell } from '../workcell.js';
import { Spoken } from './spoken.js';
import type { FromTakes, TakeJob, TakeResult, ToTakes } from './takeJob.js';

/** Steps between progress messages: four a second. */
const PROGRESS_STEPS = 12;

const port = parentPort!;
const post = (message: FromTakes): void => port.postMessage(message);
const instruct = (text: string): void => post({ kind: 'instruction', text });
const spoken = new Spoken();

class Takes {
  readonly #job: TakeJob;
  readonly #cell: Workcell;
  readonly #session: ControlSession;
  readonly #source: Source;
  readonly #recording: EpisodeRecording | undefined;
  #number = 0;
  ticks = 0;
  missed = 0;

  constructor(
    job: TakeJob,
    cell: Workcell,
    session: ControlSession,
    source: Source,
    recording: EpisodeRecording | undefined,
  ) {
    this.#job = job;
    this.#cell = cell;
    this.#session = session;
    this.#source = source;
    this.#recording = recording;
  }

  /** Returns whether Ctrl-C ended it. */
  async run(): Promise<boolean> {
    for (let kept = 0; kept < this.#job.takes;) {
      this.#number++;
      const start = sampleStartPose(this.#job.rig.task, this.#job.seed + kept);
      this.#phase('before');
      const ending = anyOf(spoken.stopped, spoken.halted, spoken.last);
      const begin = (): Promise<boolean> =>
        this.#cell.begin(start, () => this.#session.align(this.#source.from, ending));
      // Time passes while a person gets ready: the scene is put back again.
      if (!(await begin()) || !(await this.#source.ready?.(this.#session, ending, spoken.told))) break;
      if (!(await begin())) break;
      await this.#recording?.begin(start);
      const take = await this.#take().catch(orHalted);
      if (take === undefined) break;
      post({ kind: 'take', result: take.result });
      if (take.result.path !== undefined && take.result.rejected === undefined) kept++;
      if (take.last) break;
    }
    return spoken.stopped.aborted;
  }

  /** Undefined when Ctrl-C ended it. */
  async #take(): Promise<{ result: TakeResult; last: boolean } | undefined> {
    this.#phase('during');
    const following = new Following();
    const outcome = await this.#session.episode({
      source: this.#source.actions,
      judge: this.#cell.judge,
      steps: this.#job.steps,
      listeners: [
        following,
        {
          onStep: ({ observation: { step } }) => {
            if (step % PROGRESS_STEPS === 0) post({ kind: 'step', number: this.#number, step });
          },
        },
        ...(this.#recording ? [this.#recording.listener] : []),
      ],
      signal: anyOf(spoken.stopped, spoken.told),
    });
    this.ticks += outcome.steps;
    this.missed += outcome.timing.missed;
    const { word } = spoken;
    if (spoken.halted.aborted || (spoken.stopped.aborted && word === undefined)) {
      await this.#recording?.giveUp();
      return undefined;
    }
    const report = following.report();
    instruct(describeFollowing(report));
    const result = { number: this.#number, steps: outcome.steps, following: report };
    this.#recording?.note('following', { ...report });
    const stored = word === 'again' ? await this.#discard() : await this.#store(outcome);
    return stored && { result: { ...result, ...stored }, last: word === 'stop' };
  }

  /** As the person says; undefined when that was Ctrl-C. */
  async #store(
    outcome: LoopOutcome,
  ): Promise<Omit<TakeResult, 'number' | 'steps' | 'following'> | undefined> {
    if (!this.#recording) return { storedMs: 0 };
    spoken.listen();
    post({
      kind: 'ended',
      take: {
        number: this.#number,
        seconds: outcome.steps * CONTROL_PERIOD_S,
        ...(this.#cell.judge && { maxReward: outcome.maxReward }),
      },
    });
    await this.#session.stand(anyOf(spoken.stopped, spoken.judged));
    const { verdict } = spoken;
    if (!verdict?.keep) {
      const discarded = await this.#discard();
      return verdict && discarded;
    }
    const beganMs = performance.now();
    const { recorded: path, ...stored } = await this.#recording.keep(verdict);
    return { ...(path !== undefined && { path }), ...stored, storedMs: performance.now() - beganMs };
  }

  async #discard(): Promise<{ storedMs: number }> {
    const beganMs = performance.now();
    await this.#recording?.giveUp();
    return { storedMs: performance.now() - beganMs };
  }

  #phase(phase: TakePhase): void {
    spoken.listen(phase);
    post({ kind: 'phase', phase, number: this.#number });
  }
}

/** What an emergency stop leads to is no error. */
function orHalted(error: unknown): undefined {
  if (!(error instanceof ModeError && spoken.halted.aborted)) throw error;
}

async function work(job: TakeJob): Promise<FromTakes> {
  const { granted, advice } = requestFifo();
  if (!granted && advice !== undefined) instruct(advice);
  const cellRun = { rig: job.rig, pace: 'realtime', stop: spoken.halted, say: instruct } as const;
  return await withWorkcell(cellRun, async (cell, session) => {
    const source = await leaderSource(job.rig, instruct);
    const recorded = { rig: job.rig, source: { kind: 'teleop' }, pace: 'realtime' } as const;
    const recording = job.record && new EpisodeRecording(recorded, job.record, cell, source.actions.name);
    try {
      const takes = new Takes(job, cell, session, source, recording);
      const interrupted = await takes.run();
      return {
        kind: 'done',
        interrupted,
        halted: spoken.halted.aborted,
        missed: takes.missed,
        ticks: takes.ticks,
      };
    } finally {
      await recording?.close();
      await source.actions.close();
    }
  });
}

port.on('message', (message: ToTakes) => spoken.hear(message));
try {
  const job: TakeJob = workerData;
  post(await work(job));
} catch (error) {
  post(failedMessage(error));
}
port.unref();
