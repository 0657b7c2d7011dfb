/**
 * Reads Python's pickle format as data. Nothing in the file is executed: a class or function that the file names is
 * looked up in the caller's vocabulary, and a name that is not there refuses the file.
 *
 * Covers the opcodes that `torch.save` (protocol 2) and `pickle.dump` of plain containers and numpy arrays
 * (protocols 2 to 5) write; source of their meaning: CPython Lib/pickletools.py.
 */

/** The file is torn, not a pickle, or names something outside the vocabulary. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

/** What a name in the file stands for here: called with the positional arguments that the file gives. */
export type PickleConstructor = (args: readonly unknown[]) => unknown;

export interface PickleVocabulary {
  /** By `module.name`. */
  readonly constructors: ReadonlyMap<string, PickleConstructor>;
  /** Resolves what the file keeps outside of itself (torch: tensor storages). */
  readonly persistent?: (id: unknown) => unknown;
}

/** A name in the file that the vocabulary knows, before it is called. */
export class PickleName {
  readonly name: string;
  readonly construct: PickleConstructor;

  constructor(name: string, construct: PickleConstructor) {
    this.name = name;
    this.construct = construct;
  }
}

/** An object that takes its content after construction; the state of any other object is dropped. */
export interface Stateful {
  setState(state: unknown): void;
}

const isStateful = (value: unknown): value is Stateful =>
  typeof value === 'object' && value !== null && 'setState' in value && typeof value.setState === 'function';

/** Python dicts become Maps, lists and tuples arrays, bytes Uint8Arrays. Throws PickleError. */
export function readPickle(bytes: Uint8Array, vocabulary: PickleVocabulary): unknown {
  return new Machine(bytes, vocabulary).run();
}

/** The pickle machine: a stack, marks into it, and a memo. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #vocabulary: PickleVocabulary;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;

  constructor(bytes: Uint8Array, vocabulary: PickleVocabulary) {
    // Not a Buffer, whose slices would be windows where those of other arrays are copies.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#vocabulary = vocabulary;
  }

  run(): unknown {
    for (;;) {
      const start = this.#at;
      const opcode = this.#uint(1);
      if (opcode === 0x2e /* STOP */) return this.#pop();
      if (!this.#execute(opcode)) {
        throw new PickleError(
          `byte ${start} holds opcode 0x${opcode.toString(16)}, which this reader does not accept`,
        );
      }
    }
  }

  /** False when the opcode is not one of ours. */
  #execute(opcode: number): boolean {
    switch (opcode) {
      case 0x80: // PROTO
        this.#take(1);
        return true;
      case 0x95: // FRAME: only a hint for buffered readers
        this.#take(8);
        return true;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return true;

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4b: // BININT1
        return this.#push(this.#uint(1));
      case 0x4d: // BININT2
        return this.#push(this.#uint(2));
      case 0x4a: // BININT
        return this.#push(this.#uint(4) | 0);
      case 0x8a: // LONG1
        return this.#push(littleEndianInteger(this.#take(this.#uint(1))));
      case 0x47: // BINFLOAT, the one big-endian number
        return this.#push(this.#view.getFloat64(this.#skip(8)));
      case 0x58: // BINUNICODE
        return this.#push(this.#text(this.#uint(4)));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#text(this.#uint(1)));
      case 0x43: // SHORT_BINBYTES
        return this.#push(this.#take(this.#uint(1)));
      case 0x42: // BINBYTES
        return this.#push(this.#take(this.#uint(4)));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(this.#take(this.#uint(8)));

      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        return this.#push([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(this.#popMany(opcode - 0x84));
      case 0x74: // TUPLE
        return this.#push(this.#popToMark());
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x7d: // EMPTY_DICT
        return this.#push(new Map());
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());

      case 0x71: // BINPUT
        return this.#memorise(this.#uint(1));
      case 0x72: // LONG_BINPUT
        return this.#memorise(this.#uint(4));
      case 0x94: // MEMOIZE
        return this.#memorise(this.#memo.size);
      case 0x68: // BINGET
        return this.#recall(this.#uint(1));
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#uint(4));

      case 0x63: // GLOBAL
        return this.#global(this.#line(), this.#line());
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        return this.#global(String(module), String(name));
      }
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#call();
      case 0x62: // BUILD
        return this.#build();
      case 0x51: // BINPERSID
        return this.#persistent(this.#pop());
      default:
        return false;
    }
  }

  #push(value: unknown): true {
    this.#stack.push(value);
    return true;
  }

  #pop(): unknown {
    return this.#popMany(1)[0];
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length < count)
      throw new PickleError(`byte ${this.#at}: the file takes more than it has given`);
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined || mark > this.#stack.length)
      throw new PickleError(`byte ${this.#at}: no mark to go back to`);
    return this.#stack.splice(mark);
  }

  #append(items: readonly unknown[]): true {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list))
      throw new PickleError(`byte ${this.#at}: appends to something that is not a list`);
    for (const item of items) list.push(item);
    return true;
  }

  #setItems(items: readonly unknown[]): true {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map))
      throw new PickleError(`byte ${this.#at}: sets a key of something that is not a dict`);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
    return true;
  }

  #memorise(index: number): true {
    this.#memo.set(index, this.#stack.at(-1));
    return true;
  }

  #recall(index: number): true {
    if (!this.#memo.has(index))
      throw new PickleError(`byte ${this.#at}: refers to object ${index}, not seen before`);
    return this.#push(this.#memo.get(index));
  }

  #global(module: string, name: string): true {
    const fullName = `${module}.${name}`;
    const construct = this.#vocabulary.constructors.get(fullName);
    if (!construct) {
      const known = [...this.#vocabulary.constructors.keys()].join(', ');
      throw new PickleError(`names ${fullName}, which is not among what may be read here (${known})`);
    }
    return this.#push(new PickleName(fullName, construct));
  }

  #call(): true {
    const [named, args] = this.#popMany(2);
    if (!(named instanceof PickleName) || !Array.isArray(args)) {
      throw new PickleError(`byte ${this.#at}: calls something that is not a class`);
    }
    return this.#push(named.construct(args));
  }

  #build(): true {
    const state = this.#pop();
    const object = this.#stack.at(-1);
    if (isStateful(object)) object.setState(state);
    return true;
  }

  #persistent(id: unknown): true {
    if (!this.#vocabulary.persistent)
      throw new PickleError(`byte ${this.#at}: refers to data outside of the file`);
    return this.#push(this.#vocabulary.persistent(id));
  }

  /** Moves past `count` bytes and returns where they began. */
  #skip(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) {
      throw new PickleError(
        `ends at byte ${this.#bytes.length}, ${start + count - this.#bytes.length} too early`,
      );
    }
    this.#at += count;
    return start;
  }

  #take(count: number): Uint8Array {
    const start = this.#skip(count);
    return this.#bytes.subarray(start, start + count);
  }

  #uint(size: 1 | 2 | 4 | 8): number {
    return littleEndianInteger(this.#take(size), false);
  }

  #text(length: number): string {
    return new TextDecoder().decode(this.#take(length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new PickleError(`ends at byte ${this.#bytes.length} in the middle of a name`);
    const text = this.#text(end - this.#at);
    this.#at = end + 1;
    return text;
  }
}

/** Two's complement where signed; exact up to 2^53, more than any size or count in a file that fits a disk. */
function littleEndianInteger(bytes: Uint8Array, signed = true): number {
  let value = 0;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256 + bytes[i]!;
  const negative = signed && bytes.length > 0 && bytes.at(-1)! >= 0x80;
  return negative ? value - 256 ** bytes.length : value;
}
