/**
 * Parameters of the node, served as rcl_interfaces. They are answered by ourselves and not by the client library, as a
 * change may take the daemon seconds and its refusal is the answer.
 */
import type { RosMessage, RosPort } from './rosPort.js';

interface Of<Kind extends string, Value> {
  readonly kind: Kind;
  readonly description: string;
  get(): Value;
  /** Returns why it cannot be; absent: read-only. */
  readonly set?: (value: Value) => Promise<string | undefined>;
}

export type Parameter = Of<'text', string> | Of<'number', number> | Of<'array', readonly number[]>;

/** Source: rcl_interfaces/msg/ParameterType. */
const TYPE = { unset: 0, integer: 2, number: 3, text: 4, array: 8 } as const;

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
      values: namesOf(request).map((name) => message(this.#table.get(name))),
    }));
    serve('get_parameter_types', 'GetParameterTypes', (request) => ({
      types: Uint8Array.from(namesOf(request).map((name) => typeOf(this.#table.get(name)))),
    }));
    serve('list_parameters', 'ListParameters', () => ({
      result: { names: [...this.#table.keys()], prefixes: [] },
    }));
    serve('describe_parameters', 'DescribeParameters', (request) => ({
      descriptors: namesOf(request).map((name) => {
        const found = this.#table.get(name);
        return {
          name,
          type: typeOf(found),
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
    if (found.kind === 'text' && typeof value === 'string') return await found.set(value);
    if (found.kind === 'number' && typeof value === 'number') return await found.set(value);
    return `parameter ${name} is a ${found.kind}`;
  }

  async #setAll({ parameters }: RosMessage): Promise<RosMessage[]> {
    const results: RosMessage[] = [];
    for (const parameter of Array.isArray(parameters) ? parameters : []) {
      const { name, value }: { name?: unknown; value?: unknown } = Object(parameter);
      const reason = await this.set(String(name), valueOf(Object(value)));
      results.push({ successful: reason === undefined, reason: reason ?? '' });
    }
    return results;
  }
}

const namesOf = ({ names }: RosMessage): string[] => (Array.isArray(names) ? names.map(String) : []);

const typeOf = (parameter: Parameter | undefined): number => (parameter ? TYPE[parameter.kind] : TYPE.unset);

function message(parameter: Parameter | undefined): RosMessage {
  const type = typeOf(parameter);
  switch (parameter?.kind) {
    case 'text':
      return { type, string_value: parameter.get() };
    case 'number':
      return { type, double_value: parameter.get() };
    case 'array':
      return { type, double_array_value: Float64Array.from(parameter.get()) };
    case undefined:
      return { type };
    default:
      return parameter satisfies never;
  }
}

/** What a ParameterValue holds; whole numbers, which clients make of `1`, are numbers like others. */
function valueOf(value: RosMessage): unknown {
  switch (value['type']) {
    case TYPE.text:
      return value['string_value'];
    case TYPE.number:
      return value['double_value'];
    case TYPE.integer:
      return Number(value['integer_value']);
    default:
      return undefined;
  }
}
