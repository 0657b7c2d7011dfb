/** `--set NAME=VALUE`: nested settings on the command line. */
import { InvalidArgumentError } from 'commander';

/** `critic.gamma=0.01` as a nested setting, added to those before it. */
export function setting(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const [path, value] = text.split(/=(.*)/s);
  if (!path || value === undefined)
    throw new InvalidArgumentError('expected NAME=VALUE, such as critic.gamma=0.01.');
  const parsed: unknown = (() => {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  })();
  const add = (target: Record<string, unknown>, [key, ...rest]: string[]): Record<string, unknown> => {
    const inner = target[key!];
    return {
      ...target,
      [key!]:
        rest.length === 0
          ? parsed
          : add(typeof inner === 'object' && inner !== null ? { ...inner } : {}, rest),
    };
  };
  return add(before, path.split('.'));
}
