/** The process tree below the daemon's main thread, each part watched and started again when it dies. */
import type { Rig } from '../../config/rig.js';
import type { ChildState } from '../../contract/apiState.js';
import { UnavailableError } from '../../contract/apiErrors.js';
import { ControlLink, type ControlNews } from './controlLink.js';
import { startLearner, type LearningRequest } from './learnerChild.js';
import type { LiveMemory } from './liveMemory.js';
import type { CameraView } from './orders.js';
import { startPolicy, type PolicyChild } from './policyChild.js';
import { Supervised, type RunningChild } from './supervised.js';
import { startView, type ViewChild, type ViewFrame } from './viewChild.js';

/** What the dashboard shows: 20 frames a second at most. */
const DASHBOARD_PICTURES = { width: 320, height: 240, periodMs: 50, yields: true } as const;

export interface ChildrenEvents {
  readonly onControlNews: (news: ControlNews) => void;
  /** A child died, or its state changed otherwise. */
  readonly onChange: (name: string, reason: string | undefined) => void;
  readonly onFrame: (frame: ViewFrame) => void;
  readonly onLearnerLine: (line: string) => void;
  readonly onLearnerRefused: (reason: string) => void;
}

export class Children {
  readonly control: Supervised<ControlLink>;
  readonly view: Supervised<ViewChild>;
  #policy: { readonly folder: string; readonly child: Supervised<PolicyChild> } | undefined;
  #learner: Supervised<RunningChild> | undefined;
  readonly #events: ChildrenEvents;
  /** What a view that is started again has to be told. */
  #scene: CameraView | undefined;
  #watched: readonly string[] = [];

  constructor(memory: LiveMemory, events: ChildrenEvents) {
    this.#events = events;
    const changed = (name: string) => (reason: string | undefined) => {
      events.onChange(name, reason);
    };
    this.control = new Supervised(
      'control loop',
      async () => ControlLink.start(memory, events.onControlNews),
      changed('control loop'),
    );
    this.view = new Supervised(
      'pictures',
      async () => {
        const child = await startView(DASHBOARD_PICTURES, events.onFrame);
        if (this.#scene) child.tell({ kind: 'world', view: this.#scene });
        child.tell({ kind: 'watched', cameras: this.#watched });
        return child;
      },
      changed('pictures'),
    );
  }

  get states(): ChildState[] {
    const optional = [this.#policy?.child.state, this.#learner?.state].filter((state) => state !== undefined);
    return [this.control.state, this.view.state, ...optional];
  }

  get learning(): boolean {
    return this.#learner !== undefined && this.#learner.state.state !== 'stopped';
  }

  /** Throws UnavailableError while the control thread is being started again. */
  get loop(): ControlLink {
    const { child } = this.control;
    if (!child)
      throw new UnavailableError('the control loop died and is being started again; try again soon');
    return child;
  }

  show(scene: CameraView | undefined): void {
    this.#scene = scene;
    if (scene) this.view.child?.tell({ kind: 'world', view: scene });
  }

  watch(cameras: readonly string[]): void {
    this.#watched = cameras;
    this.view.child?.tell({ kind: 'watched', cameras });
  }

  /** The policy of `folder`, loaded now or before. Throws CheckpointError, UnavailableError. */
  async policy(folder: string, rig: Rig): Promise<PolicyChild> {
    if (this.#policy?.folder === folder) {
      const { child, state } = this.#policy.child;
      if (child) return child;
      if (state.state !== 'stopped')
        throw new UnavailableError(`the policy died (${state.lastError ?? ''}) and is being started again`);
    }
    await this.#policy?.child.stop();
    const child = new Supervised(
      'policy',
      async () => startPolicy(folder, rig.execution.threads),
      (reason) => {
        this.#events.onChange('policy', reason);
      },
    );
    this.#policy = { folder, child };
    return await child.start();
  }

  async learn(request: LearningRequest, rig: Rig): Promise<void> {
    await this.#learner?.stop();
    this.#learner = new Supervised(
      'learner',
      // oxlint-disable-next-line require-await
      async () => startLearner(request, rig, this.#events.onLearnerLine, this.#events.onLearnerRefused),
      (reason) => {
        this.#events.onChange('learner', reason);
      },
    );
    await this.#learner.start();
  }

  /** Lets the learner finish its roll-out and write its checkpoint. */
  async stopLearning(): Promise<void> {
    await this.#learner?.stop();
  }

  async close(): Promise<void> {
    await Promise.all([this.#learner?.stop(), this.#policy?.child.stop(), this.view.stop()]);
    await this.control.stop();
  }
}
