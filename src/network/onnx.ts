/**
 * Writes the ONNX file format: the protocol-buffer messages of onnx.proto that a graph needs, and nothing else.
 * Field numbers come from onnx/onnx.proto3 (IR version 8).
 */

export type ElementType = 'float32' | 'uint8' | 'int32' | 'int64' | 'bool';

/** TensorProto.DataType numbers. */
const DATA_TYPE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
};

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A constant: `data` holds the elements in row-major order, as they lie in memory. */
export interface OnnxConstant extends OnnxValue {
  readonly data: ArrayBufferView;
}

/** A whole number is written as INT or INTS; a float attribute is wrapped so that 1.0 stays a float. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

export interface OnnxNode {
  readonly operator: string;
  /** '' is ONNX's own operator set. */
  readonly domain: string;
  /** Names; '' is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Name of an output that is a list of float32 tensors; it comes before the others. */
  readonly listOutput?: string;
}

const IR_VERSION = 8;
const OPERATOR_SET = 17;

/** The bytes of a `.onnx` file. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const model = new Message();
  model.integer(1, IR_VERSION);
  model.text(2, 'alohad');
  model.message(7, encodeGraph(graph));
  for (const [domain, version] of [
    ['', OPERATOR_SET],
    ['com.microsoft', 1],
  ] as const) {
    const set = new Message();
    set.text(1, domain);
    set.integer(2, version);
    model.message(8, set);
  }
  return model.bytes();
}

function encodeGraph(graph: OnnxGraph): Message {
  const message = new Message();
  for (const node of graph.nodes) message.message(1, encodeNode(node));
  message.text(2, 'graph');
  for (const constant of graph.constants) message.message(5, encodeConstant(constant));
  for (const input of graph.inputs) message.message(11, encodeValue(input));
  if (graph.listOutput) message.message(12, encodeList(graph.listOutput));
  for (const output of graph.outputs) message.message(12, encodeValue(output));
  return message;
}

function encodeNode(node: OnnxNode): Message {
  const message = new Message();
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  message.text(4, node.operator);
  for (const [name, value] of Object.entries(node.attributes))
    message.message(5, encodeAttribute(name, value));
  if (node.domain) message.text(7, node.domain);
  return message;
}

function encodeAttribute(name: string, value: OnnxAttribute): Message {
  const message = new Message();
  message.text(1, name);
  if (typeof value === 'string') {
    message.text(4, value);
    message.integer(20, 3);
  } else if (typeof value === 'number') {
    message.integer(3, value);
    message.integer(20, 2);
  } else if ('float' in value) {
    message.float(2, value.float);
    message.integer(20, 1);
  } else {
    for (const item of value) message.integer(8, item);
    message.integer(20, 7);
  }
  return message;
}

function encodeConstant(constant: OnnxConstant): Message {
  const message = new Message();
  for (const size of constant.shape) message.integer(1, size);
  message.integer(2, DATA_TYPE[constant.type]);
  message.text(8, constant.name);
  const { buffer, byteOffset, byteLength } = constant.data;
  message.raw(9, new Uint8Array(buffer, byteOffset, byteLength));
  return message;
}

function encodeValue(value: OnnxValue): Message {
  const shape = new Message();
  for (const size of value.shape) {
    const dimension = new Message();
    dimension.integer(1, size);
    shape.message(1, dimension);
  }
  const tensor = new Message();
  tensor.integer(1, DATA_TYPE[value.type]);
  tensor.message(2, shape);
  const type = new Message();
  type.message(1, tensor);
  const message = new Message();
  message.text(1, value.name);
  message.message(2, type);
  return message;
}

/** The type of a list of float32 tensors of any shape. */
function encodeList(name: string): Message {
  const tensor = new Message();
  tensor.integer(1, DATA_TYPE.float32);
  const element = new Message();
  element.message(1, tensor);
  const list = new Message();
  list.message(1, element);
  const type = new Message();
  type.message(4, list);
  const message = new Message();
  message.text(1, name);
  message.message(2, type);
  return message;
}

/** One protocol-buffer message being written: parts are kept by reference and joined once. */
class Message {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  integer(field: number, value: number): void {
    this.varint(field << 3);
    this.varint(value);
  }

  float(field: number, value: number): void {
    this.varint((field << 3) | 5);
    this.append(new Uint8Array(new Float32Array([value]).buffer));
  }

  text(field: number, value: string): void {
    this.raw(field, new TextEncoder().encode(value));
  }

  raw(field: number, bytes: Uint8Array): void {
    this.varint((field << 3) | 2);
    this.varint(bytes.length);
    this.append(bytes);
  }

  message(field: number, message: Message): void {
    this.varint((field << 3) | 2);
    this.varint(message.size);
    for (const part of message.parts) this.append(part);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let offset = 0;
    for (const part of this.parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  private append(part: Uint8Array): void {
    this.parts.push(part);
    this.size += part.length;
  }

  /** Base-128, least significant group first; a negative number takes ten bytes, as 64-bit two's complement. */
  private varint(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      const group = Number(rest & 127n);
      rest >>= 7n;
      bytes.push(rest ? group | 128 : group);
    } while (rest);
    this.append(Uint8Array.from(bytes));
  }
}
