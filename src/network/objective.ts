/**
 * A loss that trains a learner: one graph computes it and all gradients, AdamW and the moving average follow in
 * place. Given the same state, feeds and thread count, steps are bit-equal.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import type { Parameters } from './backbone.js';
import { Dropout } from './dropout.js';
import { DropoutMasks } from './dropoutMasks.js';
import { Graph, sizeOf } from './graph.js';
import type { Tensor } from './graph.js';
import type { Learner, WeightKind } from './learner.js';
import { RandomStream } from './random.js';
import { channelBlock, openSession, runInPlace, STOP } from './session.js';
import type { SessionOptions } from './session.js';
import { TrainingError } from './trainingError.js';

export type Feeds = Readonly<Record<string, OrtTensor>>;

/** Builds the loss; `reports` are further scalars to be told. */
export type BuildLoss<Report extends string> = (
  graph: Graph,
  parameters: Parameters,
  dropout: (x: Tensor) => Tensor,
) => { readonly loss: Tensor; readonly reports: Readonly<Record<Report, Tensor>> };

export interface ObjectiveOptions extends SessionOptions {
  /** Probability of dropping an activation. */
  readonly dropout: number;
  /** Seed of dropout. */
  readonly seed: number;
}

export type ObjectiveStep<Report extends string> = {
  readonly loss: number;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number;
} & Readonly<Record<Report, number>>;

export class Objective<Report extends string> {
  private readonly learner: Learner;
  private readonly options: ObjectiveOptions;
  private readonly session: InferenceSession;
  private readonly masks: DropoutMasks;
  private readonly feeds: Record<string, OrtTensor>;
  private readonly fetches: Record<string, OrtTensor> = {};
  private readonly scalars: ReadonlyMap<'loss' | Report, Float32Array>;
  /** Parts of the gradient vector that this loss does not reach. */
  private readonly untouched: readonly Float32Array[];

  static async create<Report extends string>(
    learner: Learner,
    options: ObjectiveOptions,
    build: BuildLoss<Report>,
  ): Promise<Objective<Report>> {
    const graph = new Graph(await channelBlock(options));
    const { lookUp, tensors } = learner.inputs(graph);
    const dropout = new Dropout(graph, options.dropout);
    const { loss, reports } = build(graph, lookUp, dropout.apply);
    const reached = learner.slots.filter(({ name }) => graph.reaches(tensors.get(name)!, loss));
    const gradients = graph.differentiate(
      loss,
      reached.map(({ name }) => tensors.get(name)!),
    );
    const outputs: Record<string, Tensor> = { loss, ...reports };
    reached.forEach(({ name }, i) => (outputs[`gradient/${name}`] = gradients[i]!));
    const session = await openSession(graph.encode(outputs, STOP), options);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys of a Record<Report, Tensor>
    const names = Object.keys(reports) as Report[];
    return new Objective(learner, options, session, dropout, names);
  }

  private constructor(
    learner: Learner,
    options: ObjectiveOptions,
    session: InferenceSession,
    dropout: Dropout,
    reports: readonly Report[],
  ) {
    this.learner = learner;
    this.options = options;
    this.session = session;
    this.feeds = learner.feeds(session.inputNames);
    this.masks = new DropoutMasks(
      dropout.masks.map(({ shape }) => sizeOf(shape)),
      dropout.dropped,
    );
    for (const [i, { name, shape }] of dropout.masks.entries())
      this.feeds[name] = new OrtTensor('uint8', this.masks.masks[i]!, shape);
    const untouched: Float32Array[] = [];
    for (const slot of learner.slots) {
      const output = `gradient/${slot.name}`;
      if (session.outputNames.includes(output)) this.fetches[output] = learner.gradient(slot);
      else untouched.push(learner.optimizer.gradients.subarray(slot.offset, slot.offset + slot.size));
    }
    this.untouched = untouched;
    const names: ('loss' | Report)[] = ['loss', ...reports];
    this.scalars = new Map(names.map((name) => [name, new Float32Array(1)]));
    for (const [name, value] of this.scalars) this.fetches[name] = new OrtTensor('float32', value, []);
  }

  /**
   * One optimizer step. `feeds` may hold more than this loss reads. `stream` names the random stream of dropout.
   * Throws TrainingError when loss or gradient are not finite: the weights are then as they were.
   */
  async step(feeds: Feeds, stream: string, rateFactor = 1): Promise<ObjectiveStep<Report>> {
    const { learner, session } = this;
    this.masks.draw(new RandomStream(this.options.seed, stream));
    for (const part of this.untouched) part.fill(0);
    await runInPlace(session, { ...pick(feeds, session), ...this.feeds }, this.fetches);
    const loss = this.scalars.get('loss')![0]!;
    const gradientNorm = Number.isFinite(loss) ? learner.optimizer.update(rateFactor) : Number.NaN;
    if (!Number.isFinite(gradientNorm))
      throw new TrainingError(
        `step ${learner.step}: loss ${loss}, gradient norm ${gradientNorm}: training diverged; ` +
          'the weights are as before this step. Lower the learning rate or set clipNorm, and go on from the last checkpoint',
      );
    const told = [...this.scalars].map(([name, [value]]) => [name, value] as const);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name of the map is told
    return { ...Object.fromEntries(told), gradientNorm } as ObjectiveStep<Report>;
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** A graph of a learner's weights that is only run: predictions and validation losses. */
export class Evaluator {
  private readonly session: InferenceSession;
  private readonly learner: Learner;

  static async create(
    learner: Learner,
    options: SessionOptions,
    build: (graph: Graph, parameters: Parameters) => Readonly<Record<string, Tensor>>,
  ): Promise<Evaluator> {
    const graph = new Graph(await channelBlock(options));
    const model = graph.encode(build(graph, learner.inputs(graph).lookUp));
    return new Evaluator(learner, await openSession(model, options));
  }

  private constructor(learner: Learner, session: InferenceSession) {
    this.learner = learner;
    this.session = session;
  }

  /** Output name -> values, row-major. `feeds` may hold more than the graph reads. */
  async run(feeds: Feeds, kind: WeightKind): Promise<Record<string, Float32Array>> {
    const weights = this.learner.feeds(this.session.inputNames, kind);
    const results = await this.session.run({ ...pick(feeds, this.session), ...weights });
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => {
        if (!(data instanceof Float32Array)) throw new TrainingError(`output "${name}" is not float32`);
        return [name, data];
      }),
    );
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** The feeds that `session` reads: onnxruntime refuses others. */
function pick(feeds: Feeds, session: InferenceSession): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
}
