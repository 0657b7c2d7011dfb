/**
 * The daemon: what it is doing, and the one guarded way from one thing to the next.
 *
 * Every change of mode or backend goes through `#change`: one at a time; what is asked for is checked before anything
 * moves; the episode in progress is ended with the arms holding; then the new thing begins. The control thread owns the
 * robot, so there are never two writers.
 */
import type { CommandedDaemon, DaemonCommand, DoorState } from '../../api/client.js';
import type { Rig } from '../../config/rig.js';
import { BusyError } from '../../contract/apiErrors.js';
import type { ModeRequest } from '../../contract/api.js';
import type { ArmState, DaemonMode, DaemonState, LearningState } from '../../contract/apiState.js';
import type { Backend } from '../../contract/robot.js';
import { meaningOf } from '../../contract/systemError.js';
import { version } from '../parts.js';
import { backendChoices, isHarmless, requireBackend, requireServos } from '../backends.js';
import { Children } from './children.js';
import { EmergencyStop } from './emergencyStop.js';
import { ControlLostError, type ControlNews } from './controlLink.js';
import { label, listRecorded } from './episodeLists.js';
import { requireInputs } from '../finetuneInputs.js';
import { startLearning } from './learningActivity.js';
import { loadActor, playRun } from './playRun.js';
import { StopWords, type LiveMemory } from './liveMemory.js';
import { loopActivity, type Activity } from './loopActivity.js';
import { metricsPage } from './metricsPage.js';
import { modeChoices, requireEpisode, requireRemote } from './modeChoices.js';
import { Scoreboard } from './scoreboard.js';
import { planRun, type RunPlan, type RunRequest } from './runs.js';
import { NOTHING_TOLD } from './toldState.js';
import type { ViewFrame } from './viewChild.js';

export interface DaemonOptions {
  readonly rig: Rig;
  readonly memory: LiveMemory;
  readonly episodeFolder: string;
  readonly otherDoors: () => Readonly<Record<string, DoorState>>;
  readonly onChange: () => void;
  readonly onFrame: (frame: ViewFrame) => void;
  /** For the log and everybody's page. */
  readonly onEvent: (level: 'info' | 'warn', text: string) => void;
}

export class Daemon implements CommandedDaemon {
  readonly #options: DaemonOptions;
  readonly #children: Children;
  readonly #words: StopWords;
  readonly #stop: EmergencyStop;
  readonly #watched = new Map<string, ReadonlySet<string>>();
  readonly #startedAt = Date.now();
  #rig: Rig;
  #arms: ArmState = 'lost';
  #told = NOTHING_TOLD;
  #line = 'starting';
  #changing = false;
  #activity: Activity | undefined;
  /** Number of the client in control. */
  #controller: number | undefined;
  #scoreboard: Scoreboard | undefined;
  #learning: LearningState | null = null;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#rig = options.rig;
    this.#words = new StopWords(options.memory);
    this.#stop = new EmergencyStop(this.#words.stop);
    this.#children = new Children(options.memory, {
      onControlNews: (news) => this.#hear(news),
      onChange: (name, reason) => {
        this.#childChanged(name, reason);
      },
      onFrame: options.onFrame,
      onLearnerLine: (line) => {
        options.onEvent('info', `learner: ${line}`);
      },
      onLearnerRefused: (reason) => {
        this.#say(`fine-tuning was refused: ${reason}`, 'warn');
      },
    });
  }

  /** Those that there are pictures of; frames tell them by their place here. */
  get cameras(): readonly string[] {
    return this.#told.cameras;
  }

  get #mode(): DaemonMode {
    return this.#activity?.mode ?? 'idle';
  }

  get state(): DaemonState {
    return {
      software: version,
      startedAt: this.#startedAt,
      rig: this.#rig.name,
      task: this.#rig.task,
      mode: this.#mode,
      line: this.#line,
      changing: this.#changing,
      arms: this.#arms,
      backend: this.#rig.backend,
      backends: backendChoices(this.#rig),
      modes: modeChoices(this.#rig),
      emergencyStop: this.#stop.state,
      velocityRadPerS: this.#rig.limits.velocityRadPerS,
      ...this.#told,
      children: this.#children.states,
      run: this.#scoreboard?.state ?? null,
      learning: this.#learning,
      episodeFolder: this.#options.episodeFolder,
    };
  }

  /** Starts the process tree and connects the rig's backend; the arms stay limp unless nobody can be hurt. */
  async start(): Promise<void> {
    requireBackend(this.#rig.backend, this.#rig);
    await Promise.all([this.#children.control.start(), this.#children.view.start()]);
    await this.#change(async () => this.#connect(this.#rig.backend));
  }

  async carryOut(command: DaemonCommand, who: string): Promise<unknown> {
    switch (command.type) {
      case 'mode':
        await this.#change(async () => this.#enter(command.request, who));
        return undefined;
      case 'backend':
        await this.#change(async () => this.#switch(command.backend, who));
        return undefined;
      case 'reboot':
        await this.#change(async () => this.#reboot(command.arm, who));
        return undefined;
      case 'move':
        requireRemote({ mode: this.#mode, changing: this.#changing });
        this.#children.loop.move(command.moves);
        return undefined;
      case 'take':
        requireEpisode({ mode: this.#mode, changing: this.#changing });
        this.#words.take = command.what;
        return undefined;
      case 'limit':
        this.#limit(command.velocityRadPerS, who);
        return undefined;
      case 'clear_emergency_stop':
        this.#stop.clear();
        await this.#children.control.child?.order({ kind: 'reset' });
        this.#say(`${who} cleared the emergency stop`);
        return undefined;
      case 'episodes':
        return await listRecorded(command.folder ?? this.#options.episodeFolder);
      case 'label':
        label(command.episode, command.success, command.note);
        this.#scoreboard?.label(command.episode, command.success);
        this.#options.onChange();
        return undefined;
      default:
        return command satisfies never;
    }
  }

  emergencyStop(who: string): void {
    this.#stop.by(who);
    this.#say(`EMERGENCY STOP by ${who}: the arms hold`, 'warn');
  }

  controlledBy(client: number | undefined): void {
    const before = this.#controller;
    this.#controller = client;
    // Moves are of one client: the next one in control finds the arms holding.
    if (before === undefined || client === before || this.#activity?.mode !== 'remote') return;
    this.#say('whose moves the arms followed is not in control any more: the arms hold', 'warn');
    void this.#endActivity();
  }

  /** @param door through which they are looked at: each tells for itself */
  watched(cameras: ReadonlySet<string>, door = 'control API'): void {
    this.#watched.set(door, cameras);
    this.#children.watch([...new Set([...this.#watched.values()].flatMap((seen) => [...seen]))]);
  }

  metrics(served: DoorState): string {
    return metricsPage(this.state, { ...this.#options.otherDoors(), 'control API': served });
  }

  /** Everything to a safe end: the episode, the learner with a checkpoint, the arms parked and without torque. */
  async close(): Promise<void> {
    const ended = this.#endActivity();
    // A learner may take its time; the arms, which hold meanwhile, do not wait for it.
    if (!this.#children.learning) await ended;
    try {
      await Promise.all([ended, this.#children.control.child?.order({ kind: 'disconnect' })]);
    } finally {
      await this.#children.close();
    }
  }

  /** One change at a time. Throws BusyError, and what the change throws. */
  async #change(work: () => Promise<void>): Promise<void> {
    if (this.#changing) {
      throw new BusyError(
        `a change is under way (${this.#line}); wait for it, or stop the arms with an emergency stop`,
      );
    }
    this.#changing = true;
    this.#options.onChange();
    try {
      await work();
    } catch (error) {
      this.#say(`refused: ${meaningOf(error)}`, 'warn');
      throw error;
    } finally {
      this.#changing = false;
      this.#options.onChange();
    }
  }

  async #enter(request: ModeRequest, who: string): Promise<void> {
    if (request.mode !== 'idle') this.#stop.requireNone();
    switch (request.mode) {
      case 'idle':
        if (this.#arms !== 'faulted' && (this.#arms === 'limp' || request.torque === 'limp'))
          this.#stop.requireNone();
        await this.#endActivity();
        if (request.torque === 'limp') await this.#goLimp();
        else await this.#hold();
        this.#say(`${who}: the arms ${request.torque === 'limp' ? 'are limp' : 'hold'}`);
        return;
      case 'teleop':
      case 'trial':
      case 'record':
      case 'replay':
        await this.#startRun(request, who);
        return;
      case 'finetune':
        requireInputs({ ...request, rig: this.#rig });
        await this.#endActivity();
        await this.#startLearning(request, who);
        return;
      case 'remote':
        await this.#endActivity();
        await this.#hold();
        this.#say(`${who}: the arms do what ${who} asks`);
        this.#begin('remote', this.#children.loop.order({ kind: 'remote' }));
        return;
      default:
        request satisfies never;
    }
  }

  /** Checked, then: hold, park, torque off, disconnect; connect, preflight. Throws UnavailableError before any of it. */
  async #switch(backend: Backend, who: string): Promise<void> {
    requireBackend(backend, this.#rig);
    this.#stop.requireNone();
    await this.#endActivity();
    this.#say(`${who}: changing from ${this.#rig.backend} to ${backend}`);
    await this.#connect(backend);
  }

  /** Arms that were limp are limp afterwards. */
  async #reboot(arm: string, who: string): Promise<void> {
    requireServos(this.#rig);
    await this.#endActivity();
    const limp = this.#arms === 'limp';
    this.#say(`${who}: servos of ${arm} that shut down are rebooted`);
    await this.#children.loop.order({ kind: 'reboot', rig: this.#rig, arm });
    if (limp) await this.#connect(this.#rig.backend);
    else await this.#hold();
  }

  /** Of what moves now and of all that is begun later; the learner's worlds are simulated and its own. */
  #limit(velocityRadPerS: number, who: string): void {
    this.#rig = { ...this.#rig, limits: { velocityRadPerS } };
    this.#children.control.child?.limit(velocityRadPerS);
    this.#say(`${who}: no joint goes faster than ${velocityRadPerS.toFixed(2)} rad/s`);
  }

  async #connect(backend: Rig['backend']): Promise<void> {
    await this.#children.loop.order({ kind: 'connect', rig: { ...this.#rig, backend } });
    // The rest of the rig may have changed meanwhile.
    this.#rig = { ...this.#rig, backend };
    if (isHarmless(backend)) await this.#children.loop.order({ kind: 'hold' });
    this.#say(`connected: ${backend}, the arms ${isHarmless(backend) ? 'hold' : 'are limp'}`);
  }

  /** Out of any state, a fault included: what is disconnected is connected anew. */
  async #hold(): Promise<void> {
    if (this.#arms === 'faulted' || this.#arms === 'disconnected' || this.#arms === 'lost')
      await this.#children.loop.order({ kind: 'connect', rig: this.#rig });
    // Stopped arms hold, and nothing else may be asked of them.
    if (this.#arms !== 'stopped') await this.#children.loop.order({ kind: 'hold' });
  }

  /** Parked where that is possible, then without torque, and connected again to see where the arms are. */
  async #goLimp(): Promise<void> {
    await this.#children.loop.order({ kind: 'connect', rig: this.#rig, limp: true });
  }

  async #startRun(request: RunRequest, who: string): Promise<void> {
    const plan = planRun(request, this.#rig, this.#options.episodeFolder);
    if (plan.source.kind === 'policy') this.#say(`loading policy ${plan.source.folder}`);
    await loadActor(plan, this.#children, this.#told.cameras);
    await this.#endActivity();
    await this.#hold();
    const scoreboard = new Scoreboard(plan, this.#told.judges);
    this.#scoreboard = scoreboard;
    let ending = false;
    this.#say(`${who}: ${request.mode} with ${scoreboard.state.source}`);
    this.#begin(
      request.mode,
      this.#play(plan, scoreboard, () => ending),
      () => (ending = true),
    );
  }

  /** `work` in the loop is what the daemon does until it ends, or until it is aborted. */
  #begin(mode: DaemonMode, work: Promise<unknown>, ending: () => void = () => {}): void {
    const finished = work.then(
      () => {},
      (error: unknown) => {
        const arms = error instanceof ControlLostError ? '' : ', the arms hold';
        this.#say(`${mode} ended${arms}: ${meaningOf(error)}`, 'warn');
      },
    );
    const activity = loopActivity(mode, finished, this.#words.abort, ending);
    this.#activity = activity;
    void finished.then(() => {
      if (this.#activity === activity) this.#activity = undefined;
      this.#options.onChange();
    });
  }

  async #play(plan: RunPlan, scoreboard: Scoreboard, ending: () => boolean): Promise<void> {
    const goesOn = (): boolean => !ending() && !this.#words.stop.aborted;
    if (await playRun(plan, scoreboard, this.#children, goesOn, this.#options.onChange))
      this.#say(scoreboard.summary);
  }

  async #startLearning(request: Extract<ModeRequest, { mode: 'finetune' }>, who: string): Promise<void> {
    this.#activity = await startLearning(this.#children, request, this.#rig, {
      onCurves: (learning) => {
        this.#learning = learning;
        this.#options.onChange();
      },
      onEnd: (activity) => {
        if (this.#activity === activity) this.#activity = undefined;
      },
      say: this.#say,
    });
    this.#say(`${who}: fine-tuning in ${request.out}`);
  }

  async #endActivity(): Promise<void> {
    const activity = this.#activity;
    this.#activity = undefined;
    await activity?.end();
  }

  #hear(news: ControlNews): void {
    switch (news.kind) {
      case 'arms':
        this.#arms = news.arms;
        this.#options.onEvent('info', `arms: ${news.arms}`);
        break;
      case 'stopped':
        this.#stop.answered(news.holds);
        this.#say(news.text, 'warn');
        break;
      case 'connected':
        this.#told = { ...this.#told, ...news.told };
        this.#children.show(news.view);
        break;
      case 'statistics':
        this.#told = { ...this.#told, ...news.told };
        break;
      case 'instruction':
        this.#say(news.text);
        break;
      case 'warning':
        this.#options.onEvent('warn', news.text);
        break;
      default:
        news satisfies never;
    }
    this.#options.onChange();
  }

  #childChanged(name: string, reason: string | undefined): void {
    if (name === 'control loop' && !this.#children.control.child) this.#arms = 'lost';
    // A control thread that was started again has no robot until a person asks for one: torque would go off and on.
    if (name === 'control loop' && this.#children.control.child) this.#arms = 'disconnected';
    if (reason !== undefined) this.#options.onEvent('warn', `${name} died: ${reason}`);
    this.#options.onChange();
  }

  readonly #say = (line: string, level: 'info' | 'warn' = 'info'): void => {
    this.#line = line;
    this.#options.onEvent(level, line);
    this.#options.onChange();
  };
}
