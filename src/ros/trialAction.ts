/**
 * A trial as an action with feedback, of a type that needs no message package of our own:
 * example_interfaces/action/Fibonacci. Its `order` is the number of episodes; its `sequence`, as feedback and as
 * result, has a 1 for each episode that succeeded, a 0 for each that did not, a -1 for each that nobody judged.
 */
import type { CommandInput } from '../contract/api.js';
import type { ServedState } from '../contract/apiState.js';
import type { Ask } from './armServices.js';
import type { RosAction, RosMessage } from './rosPort.js';

export const TRIAL_ACTION = 'example_interfaces/action/Fibonacci';
const LOOK_MS = 100;
const MOST_EPISODES = 100_000;

export const trialAction = (
  ask: Ask,
  look: () => Promise<ServedState>,
  trial: (episodes: number) => CommandInput,
  warn: (text: string) => void,
): RosAction => ({
  refuse: ({ order }) =>
    Number(order) >= 1 && Number(order) <= MOST_EPISODES
      ? undefined
      : `order is the number of episodes, 1 to ${MOST_EPISODES}, not ${String(order)}`,

  work: async ({ order }, tell, cancelled) => {
    const episodes = Number(order);
    const refusal = await ask(trial(episodes));
    if (refusal !== undefined) {
      warn(`trial: ${refusal}`);
      return { outcome: 'aborted', result: sequence([]) };
    }
    for (let told = 0; ;) {
      if (cancelled.aborted) await ask({ type: 'mode', request: { mode: 'idle', torque: 'hold' } });
      const { mode, run } = await look();
      const results = run?.episodes.map(({ success }) => (success === null ? -1 : Number(success))) ?? [];
      if (results.length > told) tell(sequence(results));
      told = results.length;
      if (cancelled.aborted) return { outcome: 'cancelled', result: sequence(results) };
      if (mode !== 'trial')
        return {
          outcome: results.length === episodes ? 'succeeded' : 'aborted',
          result: sequence(results),
        };
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  },
});

const sequence = (results: readonly number[]): RosMessage => ({ sequence: Int32Array.from(results) });
