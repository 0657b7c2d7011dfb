/** Fine-tuning as what the daemon does: its learner's curves are read now and then, until it ends or is ended. */
import type { Rig } from '../../config/rig.js';
import type { ModeRequest } from '../../contract/api.js';
import type { LearningState } from '../../contract/apiState.js';
import type { Children } from './children.js';
import { LEARNING_PERIOD_MS, readLearning } from './learningCurves.js';
import type { Activity } from './loopActivity.js';

export interface LearningListener {
  onCurves(learning: LearningState | null): void;
  /** It has ended by itself. */
  onEnd(activity: Activity): void;
  /** For people. */
  say(text: string): void;
}

/** Throws what the learner's start throws. */
export async function startLearning(
  children: Children,
  request: Extract<ModeRequest, { mode: 'finetune' }>,
  rig: Rig,
  listener: LearningListener,
): Promise<Activity> {
  await children.learn(request, rig);
  const look = async (): Promise<void> => {
    listener.onCurves(await readLearning(request.out));
    if (children.learning) return;
    clearInterval(timer);
    listener.onEnd(activity);
    listener.say(`fine-tuning in ${request.out} has ended`);
  };
  const timer = setInterval(() => void look(), LEARNING_PERIOD_MS);
  const activity: Activity = {
    mode: 'finetune',
    end: async () => {
      clearInterval(timer);
      listener.say('the learner finishes its roll-out and writes a checkpoint');
      await children.stopLearning();
    },
  };
  return activity;
}
