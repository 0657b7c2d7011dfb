/** What a fine-tuning run writes down: numbers per roll-out, for people, plots and TensorBoard, and what happened. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { StorageError } from '../contract/errors.js';
import { MAX_REWARD } from '../contract/task.js';
import { EventFile } from '../learning/eventFile.js';
import type { LearningReport } from '../learning/finetune/actor.js';
import type { DiskPatience } from '../learning/finetune/diskPatience.js';
import type { Divergence, RunState, RunTime } from '../learning/finetune/finetune.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import type { LoggedRollout } from '../learning/finetune/rolloutLog.js';
import { appendLine, openLines, writeLines } from '../learning/jsonLines.js';
import type { Parts } from './finetuneParts.js';
import type { FinetuneRequest } from './finetuneRequest.js';
import type { OpenRun, StoredEvaluation } from './finetuneRun.js';
import { version } from './parts.js';
import type { RunListener } from './runListener.js';

/** Time of the whole run so far, all its starts together [s]. */
const timeSchema = z.looseObject({
  rollout: z.int(),
  wallS: z.number().default(0),
  playingS: z.number().default(0),
  learningS: z.number().default(0),
  cloningS: z.number().default(0),
});

const quarantineSchema = z.looseObject({ rollouts: z.int(), path: z.string() });

const NO_TIME: RunTime = { playingMs: 0, learningMs: 0, learningWaitMs: 0, cloningMs: 0, cloningWaitMs: 0 };

/** Under which heading TensorBoard shows a number; all others are about learning. */
const HEADINGS: Readonly<Record<string, readonly string[]>> = {
  success: ['success', 'maxReward', 'finalReward', 'reward1', 'reward2', 'reward3', 'reward4'],
  critic: ['balancedError', 'overEstimation', 'underEstimation', 'auc', 'brier', 'criticLoss', 'value'],
  policy: ['drift', 'validationL1'],
  waiting: ['learningWait', 'cloningWait'],
};

const tagOf = (name: string): string =>
  `${Object.keys(HEADINGS).find((heading) => HEADINGS[heading]!.includes(name)) ?? 'learning'}/${name}`;

export class RunDiary {
  /** Episodes that were set aside up to the checkpoint that this run goes on from. */
  readonly unreadable: readonly string[];
  readonly #folder: string;
  readonly #config: FinetuneConfig;
  readonly #parts: Parts;
  readonly #patience: DiskPatience;
  readonly #listener: RunListener;
  readonly #events: EventFile;
  readonly #began = performance.now();
  /** Time of earlier starts of the run. */
  readonly #before: z.infer<typeof timeSchema>;
  /** Roll-outs that came to reward 1, 2, 3, 4. */
  readonly #reached = Array.from({ length: MAX_REWARD }, () => 0);
  /** Time when waiting was told last. */
  #told: RunTime = NO_TIME;
  #time: RunTime = NO_TIME;

  /** Throws StorageError. */
  constructor(
    request: FinetuneRequest,
    config: FinetuneConfig,
    run: OpenRun,
    parts: Parts,
    patience: DiskPatience,
    listener: RunListener,
  ) {
    this.#folder = run.folder;
    this.#config = config;
    this.#parts = parts;
    this.#patience = patience;
    this.#listener = listener;
    const { rollouts } = run.state;
    const metrics = this.#path('metrics.jsonl');
    const lines = openLines(metrics);
    const last = lines.at(-1);
    this.#before = timeSchema.parse(last === undefined ? { rollout: -1 } : JSON.parse(last));
    // What was written down behind the checkpoint happens again.
    const kept = lines.filter((line) => timeSchema.parse(JSON.parse(line)).rollout < rollouts);
    if (kept.length < lines.length) writeLines(metrics, kept);
    for (const entry of run.log.entries.slice(0, rollouts)) this.#count(entry);
    this.unreadable = openLines(this.#path('quarantine.jsonl'))
      .map((line) => quarantineSchema.parse(JSON.parse(line)))
      .flatMap((entry) => (entry.rollouts < rollouts ? [entry.path] : []));
    this.#events = EventFile.begin(run.folder, rollouts + 1);
    const { policy, demonstrations, count, workers, threads, budgetS, target } = request;
    this.#event({
      session: {
        command: `alohad ${process.argv.slice(2).join(' ')}`,
        version,
        node: process.version,
        from: rollouts,
        heldOut: parts.heldOut,
        request: { policy, demonstrations, count, workers, threads, budgetS, target },
      },
    });
  }

  /** Numbers of one roll-out. Waits while the disk is full. */
  async rollout(
    rollout: LoggedRollout,
    learning: LearningReport,
    state: RunState,
    time: RunTime,
  ): Promise<void> {
    this.#time = time;
    this.#count(rollout);
    const due = state.rollouts % this.#config.diagnostics.every === 0;
    const numbers = {
      maxReward: rollout.maxReward,
      finalReward: rollout.finalReward,
      success: state.stabiliser.success,
      ...learning,
      ...this.#parts.algorithm?.sizes,
      ...Object.fromEntries(this.#reached.map((count, i) => [`reward${i + 1}`, count])),
      ...(due && { ...(await this.#parts.probe.measure()), ...this.#waiting() }),
      actorSteps: this.#parts.actor.trainer.learner.step,
      cloningSteps: state.imitationSteps,
    };
    await this.#patience.until(() =>
      appendLine(this.#path('metrics.jsonl'), { rollout: rollout.index, ...numbers, ...this.#seconds() }),
    );
    this.#scalars(state.rollouts, numbers);
  }

  /** Numbers to keep with an evaluation. */
  async diagnose(): Promise<Record<string, number>> {
    return { ...(await this.#parts.probe.measure()), ...waitingBetween(NO_TIME, this.#time) };
  }

  async evaluation(evaluation: StoredEvaluation): Promise<void> {
    await this.#patience.until(() => appendLine(this.#path('evaluations.jsonl'), evaluation));
    this.plotEvaluation(evaluation);
  }

  plotEvaluation({ rollouts, successes, episodes, wilson95: [low, high] }: StoredEvaluation): void {
    this.#scalars(rollouts, { rate: successes / episodes, low, high }, (name) => `evaluation/${name}`);
  }

  /** Something worth a line. */
  say(text: string): void {
    this.#event({ text });
    this.#listener.onLine(text);
  }

  quarantine(path: string, reason: string, { rollouts }: RunState): void {
    const folder = this.#path('quarantine');
    this.#unlessFull(() => {
      mkdirSync(folder, { recursive: true });
      // Demonstrations and other runs' episodes are not ours to move.
      if (path.startsWith(this.#path('episodes'))) renameSync(path, join(folder, basename(path)));
      writeFileSync(join(folder, `${basename(path)}.reason.txt`), `${reason}\n`);
    });
    this.#unlessFull(() => appendLine(this.#path('quarantine.jsonl'), { rollouts, path, reason }));
    this.say(`${path} was set aside and is not learned from: ${reason}`);
  }

  /** Keeps what the step that diverged, and those before it, learned from. */
  diverged({ what, reason, batches }: Divergence): void {
    const path = join(this.#path('diverged'), `${what.replaceAll(' ', '-')}.json`);
    this.#unlessFull(() => {
      mkdirSync(this.#path('diverged'), { recursive: true });
      writeFileSync(path, `${JSON.stringify({ what, reason, batches }, null, 2)}\n`);
    });
    this.say(`${what} was not learned from: ${reason}. Its batches are named in ${path}`);
  }

  finish(): void {
    this.#event({ time: this.#seconds() });
    this.#events.close();
  }

  #count({ maxReward }: LoggedRollout): void {
    for (let reward = 1; reward <= MAX_REWARD; reward++)
      if (maxReward >= reward) this.#reached[reward - 1]!++;
  }

  /** Share of its time that learning waited for samples since this was asked before. */
  #waiting(): Record<string, number> {
    const told = this.#told;
    this.#told = { ...this.#time };
    return waitingBetween(told, this.#time);
  }

  #seconds(): Record<'wallS' | 'playingS' | 'learningS' | 'cloningS', number> {
    const { wallS, playingS, learningS, cloningS } = this.#before;
    const sum = (before: number, ms: number) => Math.round(1e3 * before + ms) / 1e3;
    return {
      wallS: sum(wallS, performance.now() - this.#began),
      playingS: sum(playingS, this.#time.playingMs),
      learningS: sum(learningS, this.#time.learningMs),
      cloningS: sum(cloningS, this.#time.cloningMs),
    };
  }

  #scalars(step: number, values: Readonly<Record<string, number>>, nameOf = tagOf): void {
    const tagged = Object.entries(values).map(([name, value]) => [nameOf(name), value] as const);
    this.#unlessFull(() => this.#events.scalars(step, Object.fromEntries(tagged)));
  }

  #event(event: object): void {
    this.#unlessFull(() =>
      appendLine(this.#path('events.jsonl'), { at: new Date().toISOString(), ...event }),
    );
  }

  /** A disk that cannot be written loses this, not the run. */
  #unlessFull(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#listener.onLine(
        `cannot write down what happened: ${error instanceof StorageError ? error.message : String(error)}`,
      );
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function waitingBetween(before: RunTime, now: RunTime): Record<string, number> {
  const share = (wait: number, all: number) => (all === 0 ? Number.NaN : wait / all);
  return {
    learningWait: share(now.learningWaitMs - before.learningWaitMs, now.learningMs - before.learningMs),
    cloningWait: share(now.cloningWaitMs - before.cloningWaitMs, now.cloningMs - before.cloningMs),
  };
}
