/**
 * Parameters of the node, served as rcl_interfaces. They are answered by ourselves and not by the client library, as a
 * change may take the daemon seconds and its refusal is the answer.
 */
import type { RosMessage, RosPort } from './rosPort.js';

export type ParameterValue = string | readonly number[];

export interface Parameter {
  readonly description: string;
  get(): ParameterValue;
  /** Returns why it cannot be; absent: read-only. */
  readonly set?: (value: string) => Promise<string | undefined>;
}

/** Source: rcl_interfaces/msg/ParameterType. */
const TYPE = { unset: 0, string: 4, doubleArray: 8 } as const;

export class Parameters {
  readonly #table: ReadonlyMap<string, Parameter>;

  constructor(port: RosPort, node: string, table: Readonly<Record<string, Parameter>>) {
    this.#table = new Map(Object.entries(table));
    const serve = (
      name: string,
      type: string,
      answer: (request: RosMessage) => RosMessage | Promise<RosMessage>,
    ): void => {
      // oxlint-disable-next-line require-await
      port.serve(`${node}/${name}`, `rcl_interfaces/srv/${type}`, async (request) => answer(request));
    };
    serve('get_parameters', 'GetParameters', (request) => ({
      values: namesOf(request).map((name) => message(this.#table.get(name)?.get())),
    }));
    serve('get_parameter_types', 'GetParameterTypes', (request) => ({
      types: Uint8Array.from(namesOf(request).map((name) => typeOf(this.#table.get(name)?.get()))),
    }));
    serve('list_parameters', 'ListParameters', () => ({
      result: { names: [...this.#table.keys()], prefixes: [] },
    }));
    serve('describe_parameters', 'DescribeParameters', (request) => ({
      descriptors: namesOf(request).map((name) => {
        const found = this.#table.get(name);
        return {
          name,
          type: typeOf(found?.get()),
          description: found?.description ?? '',
          read_only: found?.set === undefined,
        };
      }),
    }));
    serve('set_parameters', 'SetParameters', async (request) => ({ results: await this.#setAll(request) }));
    serve('set_parameters_atomically', 'SetParametersAtomically', async (request) => {
      const { parameters } = request;
      // Each change may move arms: only one of them is whole or not at all.
      if (Array.isArray(parameters) && parameters.length > 1)
        return { result: { successful: false, reason: 'one parameter at a time' } };
      return { result: (await this.#setAll(request))[0] ?? { successful: true, reason: '' } };
    });
  }

  /** Why it cannot be set; undefined when it was. */
  async set(name: string, value: unknown): Promise<string | undefined> {
    const found = this.#table.get(name);
    if (!found) return `there is no parameter ${name}; there are ${[...this.#table.keys()].join(', ')}`;
    if (!found.set) return `parameter ${name} is read-only`;
    if (typeof value !== 'string') return `parameter ${name} is a string`;
    return await found.set(value);
  }

  async #setAll({ parameters }: RosMessage): Promise<RosMessage[]> {
    const results: RosMessage[] = [];
    for (const parameter of Array.isArray(parameters) ? parameters : []) {
      const { name, value }: { name?: unknown; value?: unknown } = Object(parameter);
      const { type, string_value: text }: { type?: unknown; string_value?: unknown } = Object(value);
      const reason = await this.set(String(name), type === TYPE.string ? text : undefined);
      results.push({ successful: reason === undefined, reason: reason ?? '' });
    }
    return results;
  }
}

const namesOf = ({ names }: RosMessage): string[] => (Array.isArray(names) ? names.map(String) : []);

const typeOf = (value: ParameterValue | undefined): number =>
  value === undefined ? TYPE.unset : typeof value === 'string' ? TYPE.string : TYPE.doubleArray;

function message(value: ParameterValue | undefined): RosMessage {
  const type = typeOf(value);
  if (value === undefined) return { type };
  return typeof value === 'string'
    ? { type, string_value: value }
    : { type, double_array_value: Float64Array.from(value) };
}
