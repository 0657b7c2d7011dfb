/**
 * The daemon's safety states as a managed node, so that `ros2 lifecycle` drives them: configure looks at limp arms
 * (preflight), activate gives them torque where they are, deactivate parks them and takes it away. The state is the
 * arms' own, whoever changed it.
 */
import type { ArmState } from '../contract/apiState.js';
import type { Ask } from './armServices.js';
import type { RosMessage, RosPort } from './rosPort.js';

/** Source: lifecycle_msgs/msg/State and Transition. */
const STATES = { unconfigured: 1, inactive: 2, active: 3, finalized: 4 } as const;
type State = keyof typeof STATES;

interface Transition {
  readonly id: number;
  readonly label: string;
  readonly from: State;
  readonly to: State;
}

const TRANSITIONS: readonly Transition[] = [
  { id: 1, label: 'configure', from: 'unconfigured', to: 'inactive' },
  { id: 2, label: 'cleanup', from: 'inactive', to: 'unconfigured' },
  { id: 3, label: 'activate', from: 'inactive', to: 'active' },
  { id: 4, label: 'deactivate', from: 'active', to: 'inactive' },
  { id: 5, label: 'shutdown', from: 'unconfigured', to: 'finalized' },
  { id: 6, label: 'shutdown', from: 'inactive', to: 'finalized' },
  { id: 7, label: 'shutdown', from: 'active', to: 'finalized' },
];

export class Lifecycle {
  readonly #port: RosPort;
  readonly #arms: () => ArmState;
  readonly #ask: Ask;
  #end: 'unconfigured' | 'finalized' | undefined = 'unconfigured';

  constructor(port: RosPort, arms: () => ArmState, ask: Ask) {
    this.#port = port;
    this.#arms = arms;
    this.#ask = ask;
  }

  /** @param node name of the node */
  serve(node: string): void {
    const port = this.#port;
    const event = port.advertise(`${node}/transition_event`, 'lifecycle_msgs/msg/TransitionEvent');
    const serve = (name: string, type: string, answer: () => RosMessage): void => {
      port.serve(`${node}/${name}`, `lifecycle_msgs/srv/${type}`, () => Promise.resolve(answer()));
    };
    serve('get_state', 'GetState', () => ({ current_state: stateMessage(this.state) }));
    serve('get_available_states', 'GetAvailableStates', () => ({
      available_states: Object.keys(STATES).filter(isState).map(stateMessage),
    }));
    const described = (transitions: readonly Transition[]): RosMessage => ({
      available_transitions: transitions.map(describe),
    });
    serve('get_available_transitions', 'GetAvailableTransitions', () =>
      described(TRANSITIONS.filter(({ from }) => from === this.state)),
    );
    serve('get_transition_graph', 'GetAvailableTransitions', () => described(TRANSITIONS));
    port.serve(`${node}/change_state`, 'lifecycle_msgs/srv/ChangeState', async ({ transition }) => {
      const { id, label }: { id?: unknown; label?: unknown } = Object(transition);
      const found = TRANSITIONS.find(
        (known) => known.from === this.state && (known.id === Number(id) || known.label === label),
      );
      if (!found) {
        port.warn(`no transition ${String(id)} from ${this.state}`);
        return { success: false };
      }
      const success = await this.#carryOut(found);
      if (success) event({ timestamp: 0n, ...describe(found) });
      return { success };
    });
  }

  get state(): State {
    if (this.#end !== undefined) return this.#end;
    switch (this.#arms()) {
      case 'holding':
      case 'aligning':
      case 'active':
      case 'parking':
        return 'active';
      case 'limp':
      case 'parked':
      case 'preflight':
      case 'stopped':
        return 'inactive';
      case 'disconnected':
      case 'faulted':
      case 'lost':
        return 'unconfigured';
      default:
        return 'unconfigured';
    }
  }

  async #carryOut({ label, to }: Transition): Promise<boolean> {
    const torque = to === 'active' ? 'hold' : 'limp';
    let refusal: string | undefined;
    // Clean-up changes nothing of the arms, which are limp, but lets somebody else take control.
    if (label !== 'cleanup') refusal = await this.#ask({ type: 'mode', request: { mode: 'idle', torque } });
    if (refusal === undefined && (to === 'unconfigured' || to === 'finalized')) {
      this.#end = to;
      refusal = await this.#ask({ type: 'release_control' });
    } else if (refusal === undefined) this.#end = undefined;
    if (refusal !== undefined) this.#port.warn(`${label}: ${refusal}`);
    return refusal === undefined;
  }
}

const isState = (name: string): name is State => name in STATES;
const stateMessage = (label: State): RosMessage => ({ id: STATES[label], label });
const describe = ({ id, label, from, to }: Transition): RosMessage => ({
  transition: { id, label },
  start_state: stateMessage(from),
  goal_state: stateMessage(to),
});
