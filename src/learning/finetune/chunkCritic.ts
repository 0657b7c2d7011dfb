/**
 * Algorithm 2: actor-critic with chunk farming (the report; facts, section 2.2).
 *
 * A critic Q(s, chunk) learns by regression to the known label of every farmed chunk (N per episode). The actor's loss
 * is composite: successes are imitated, for failures Q of its own chunk is raised, at the small weight gamma.
 *
 *   conservative:     after each roll-out one actor step on the failure just seen and seven successes, or on eight
 *                     successes
 *   free off-policy:  after each roll-out several actor steps on four of each, from the whole replay
 *
 * Until the critic is warm only it learns. A roll-out's chunks join the replay once its turn is over: until then the
 * critic has not been told how it ended and can be asked, and the chunks are fetched while the next one is played.
 */
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActBatch } from '../../network/actBatch.js';
import type { ActorTrainer, CriticUse } from '../../network/actorTrainer.js';
import type { Weight } from '../../network/actParameters.js';
import type { CriticConfig } from '../../network/critic.js';
import type { CriticTrainer } from '../../network/criticTrainer.js';
import type { Actor, Algorithm, JudgedRollout, LearningReport } from './actor.js';
import { fetchBatch, judgedChunk, timesOf } from './actor.js';
import type { ChunkOrder } from './chunkSupply.js';
import { CriticReport } from './criticReport.js';
import { FAILED, farmChunks, lastChunk } from './farming.js';
import type { JudgedChunk } from './replay.js';
import { draw, Replay } from './replay.js';

export interface ChunkCriticOptions {
  readonly mode: 'conservative' | 'free';
  /** Samples of an actor step. */
  readonly batchSize: number;
  /** Samples of a critic step, half of each kind. */
  readonly criticBatchSize: number;
  /** Chunks farmed from an episode (N). */
  readonly farmed: number;
  /** Critic steps after each roll-out (C). */
  readonly criticSteps: number;
  /** Actor steps after each roll-out in free mode (G). */
  readonly actorSteps: number;
  /** Weight of the critic's term. */
  readonly gamma: number;
  /** Roll-outs until the actor begins to learn, fewer when the critic is good enough before. */
  readonly warmUp: number;
  /** Samples kept of each kind. */
  readonly capacity: number;
  /** Oldest version of the actor that a failure may come from, in versions; all when absent. */
  readonly maxActorLag?: number;
  /** Several critics: the mean minus `beta` standard deviations, or one at random for 50 roll-outs. */
  readonly use: 'pessimistic' | 'switched';
  readonly beta: number;
  /** Probability that a critic learns from a sample, when there are several. */
  readonly bootstrap: number;
}

/** A critic that is wrong less often than this is warm. */
const WARM_ERROR = 0.15;
const WARM_AT_LEAST = 20;
const SWITCH_EVERY = 50;

export class ChunkCriticLearning implements Algorithm {
  readonly name = 'chunk-critic';
  readonly report = new CriticReport();
  /** May be changed while running: adaptive stabilisation does. */
  gamma: number;
  actorSteps: number;
  readonly #actor: Actor;
  readonly #critic: CriticTrainer;
  readonly #criticConfig: CriticConfig;
  readonly #options: ChunkCriticOptions;
  readonly #replay: Replay;
  #warm = false;
  #judged = 0;

  constructor(actor: Actor, critic: CriticTrainer, criticConfig: CriticConfig, options: ChunkCriticOptions) {
    this.#actor = actor;
    this.#critic = critic;
    this.#criticConfig = criticConfig;
    this.#options = options;
    this.#replay = new Replay(options.capacity);
    this.gamma = options.gamma;
    this.actorSteps = options.mode === 'free' ? options.actorSteps : 1;
  }

  get sizes() {
    return { successes: this.#replay.successes.length, failures: this.#replay.failures.length };
  }

  async learn(rollout: JudgedRollout): Promise<LearningReport> {
    const { chunks } = this.#actor;
    const farmed = this.#farm(rollout);
    const [first] = farmed;
    // The failure's chunk that the conservative actor learns from.
    const latest = first?.label === FAILED ? first : undefined;
    const readable = (sample: JudgedChunk | undefined) =>
      sample && chunks.isReadable(sample.path) ? [sample] : [];
    const last = this.#lastChunk(rollout);
    const critic = this.#orderForCritic(rollout.index);
    const played = chunks.order(() => readable(last));
    const criticLoss = await this.#learnToJudge(critic);
    const judged = await this.#judge(played);
    this.#warm ||= this.#isWarm(rollout.index);
    const actor = this.#warm ? await this.#learnToAct(rollout, () => readable(latest)) : {};
    if (chunks.isReadable(rollout.path)) {
      this.#replay.add(farmed);
      chunks.order(() => farmed);
    }
    return { ...judged, ...criticLoss, ...actor, ...this.report.quality };
  }

  /** As the main actor's free mode: half successes, half failures, its own draw. */
  async explore(copy: ActorTrainer, explorer: number, step: number): Promise<void> {
    const { batchSize } = this.#options;
    if (!this.#warm || this.#replay.failures.length === 0) return;
    const stream = `explorer ${explorer} step ${step}`;
    const failures = (random: RandomStream) => draw(this.#replay.failures, batchSize / 2, random);
    const fetched = await this.#fetchBoth(stream, failures);
    if (fetched?.bad) await copy.composite(fetched.good, fetched.bad, this.#use(step), stream);
  }

  addPrior(samples: readonly JudgedChunk[]): void {
    this.#replay.add(samples);
  }

  recall(rollout: JudgedRollout): void {
    this.#replay.add(this.#farm(rollout));
  }

  forget(path: string): void {
    this.#replay.drop(path);
  }

  state() {
    const progress = { shape: [2], data: Float32Array.of(this.#warm ? 1 : 0, this.#judged) };
    return new Map([...this.#critic.state(), ['report', this.report.state()], ['progress', progress]]);
  }

  /** Goes on from what `state` gave; the critic's weights are restored by its trainer. */
  load(state: ReadonlyMap<string, Weight>): void {
    const [report, progress] = [state.get('report'), state.get('progress')];
    if (!report || !progress) return; // A checkpoint of before these were kept.
    this.report.load(report);
    this.#warm = progress.data[0] === 1;
    this.#judged = progress.data[1]!;
  }

  async close(): Promise<void> {
    await this.#critic.close();
  }

  /** The chunk that the critic is asked about; none while it knows nothing. */
  #lastChunk(rollout: JudgedRollout): JudgedChunk | undefined {
    const { successes, failures } = this.#replay;
    if (failures.length === 0 || successes.length === 0) return undefined;
    const chunk = lastChunk(rollout.reward, timesOf(this.#actor));
    return chunk && judgedChunk(rollout, chunk);
  }

  /** The critic's opinion of a chunk as it was played, before it is told how that ended. */
  async #judge(order: ChunkOrder<JudgedChunk>): Promise<LearningReport> {
    const delivery = await this.#actor.chunks.deliver(order);
    if (!delivery) return {};
    const { label } = delivery.samples[0]!;
    const values = await this.#critic.judge(delivery.batch);
    const value = values.reduce((sum, head) => sum + head, 0) / values.length;
    this.report.add(value, label);
    this.#judged++;
    return { value, brier: (value - label) ** 2 };
  }

  #farm(rollout: JudgedRollout): JudgedChunk[] {
    const random = RandomStream.of(this.#actor.seed, 'farm', rollout.index);
    const farmed = farmChunks(rollout.reward, timesOf(this.#actor), this.#options.farmed, random);
    return farmed.map((chunk) => judgedChunk(rollout, chunk));
  }

  #orderForCritic(index: number): ChunkOrder<JudgedChunk>[] {
    const { criticSteps, criticBatchSize } = this.#options;
    const { chunks, seed } = this.#actor;
    const half = criticBatchSize / 2;
    const drawn = (step: number): JudgedChunk[] => {
      const { successes, failures } = this.#replay;
      if (successes.length === 0 || failures.length === 0) return [];
      const random = RandomStream.of(seed, 'critic', index, step);
      return [...draw(successes, half, random), ...draw(failures, half, random)];
    };
    return Array.from({ length: criticSteps }, (_, step) => chunks.order(() => drawn(step)));
  }

  async #learnToJudge(orders: readonly ChunkOrder<JudgedChunk>[]): Promise<LearningReport> {
    let loss = 0;
    let steps = 0;
    for (const order of orders) {
      const delivery = await this.#actor.chunks.deliver(order);
      if (!delivery) break;
      const labels = Float32Array.from(delivery.samples, ({ label }) => label);
      loss += await this.#critic.train(delivery.batch, labels, this.#headWeights(delivery.samples));
      steps++;
    }
    return steps === 0 ? {} : { criticLoss: loss / steps, criticSteps: steps };
  }

  /** Which critics learn from which samples: drawn once per sample, so that they stay different. */
  #headWeights(samples: readonly JudgedChunk[]): Float32Array {
    const { heads } = this.#criticConfig;
    if (heads === 1) return new Float32Array(samples.length).fill(1);
    return Float32Array.from(
      samples.flatMap(({ rollout, seed, step }) => {
        const random = RandomStream.of(this.#actor.seed, 'bootstrap', rollout, seed, step);
        return Array.from({ length: heads }, () => (random.uniform() < this.#options.bootstrap ? 1 : 0));
      }),
    );
  }

  #isWarm(index: number): boolean {
    return (
      index + 1 >= this.#options.warmUp ||
      (this.#judged >= WARM_AT_LEAST && this.report.quality.balancedError <= WARM_ERROR)
    );
  }

  async #learnToAct(rollout: JudgedRollout, latest: () => readonly JudgedChunk[]): Promise<LearningReport> {
    const { mode, batchSize } = this.#options;
    const { trainer } = this.#actor;
    const failures = (random: RandomStream): readonly JudgedChunk[] =>
      mode === 'free' ? draw(this.#recentFailures(rollout.actorVersion), batchSize / 2, random) : latest();
    let report: LearningReport = {};
    for (let step = 0; step < this.actorSteps; step++) {
      const stream = `actor ${rollout.index}.${step}`;
      const fetched = await this.#fetchBoth(stream, failures);
      if (!fetched) break;
      const { good, bad } = fetched;
      const { loss, gradientNorm } = await trainer.composite(good, bad, this.#use(rollout.index), stream);
      report = { loss, gradientNorm };
    }
    return report;
  }

  /** The batch of an actor step: failures and, to fill it, successes. Undefined while there are no successes. */
  async #fetchBoth(
    stream: string,
    failures: (random: RandomStream) => readonly JudgedChunk[],
  ): Promise<{ good: ActBatch; bad: ActBatch | undefined } | undefined> {
    const { chunks, seed } = this.#actor;
    const drawn = () => {
      const random = RandomStream.of(seed, 'draw', stream);
      const bad = failures(random);
      return { bad, good: draw(this.#replay.successes, this.#options.batchSize - bad.length, random) };
    };
    if (this.#replay.successes.length === 0) return undefined;
    const bad = await chunks.fetch(() => drawn().bad);
    const good = await fetchBatch(this.#actor, () => drawn().good, stream);
    return good && { good: good.batch, bad: bad?.batch };
  }

  #recentFailures(version: number): readonly JudgedChunk[] {
    const { maxActorLag } = this.#options;
    const { failures } = this.#replay;
    if (maxActorLag === undefined) return failures;
    return failures.filter(({ actorVersion }) => version - actorVersion <= maxActorLag);
  }

  #use(index: number): CriticUse {
    const { heads } = this.#criticConfig;
    const { use, beta } = this.#options;
    const common = { trainer: this.#critic, config: this.#criticConfig, gamma: this.gamma };
    if (use === 'pessimistic') return { ...common, shares: new Float32Array(heads).fill(1 / heads), beta };
    const shares = new Float32Array(heads);
    const turn = Math.floor(index / SWITCH_EVERY);
    shares[RandomStream.of(this.#actor.seed, 'critic switch', turn).below(heads)] = 1;
    return { ...common, shares, beta: 0 };
  }
}
