/** Text of a client to a command, or a named error. */
import { z } from 'zod';
import { API_VERSION, MESSAGE_BYTES, commandSchema, type Command, type MessageId } from '../contract/api.js';
import { ApiVersionError, MessageError, MessageTooLargeError } from '../contract/apiErrors.js';

/** Parts of an error that are shown; a hostile message could make thousands. */
const SHOWN = 5;

/** Throws MessageTooLargeError, MessageError, ApiVersionError. */
export function parseCommand(bytes: Uint8Array): Command {
  if (bytes.length > MESSAGE_BYTES) {
    throw new MessageTooLargeError(
      `the message has ${bytes.length} bytes, at most ${MESSAGE_BYTES} are read`,
    );
  }
  const value = asJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MessageError('a command is a JSON object, such as {"v":1,"type":"state"}');
  }
  const version: unknown = 'v' in value ? value.v : undefined;
  if (version !== API_VERSION) {
    throw new ApiVersionError(
      `this daemon speaks version ${API_VERSION}; a message needs "v":${API_VERSION}. Update the older side`,
    );
  }
  const command = commandSchema.safeParse(value);
  if (command.success) return command.data;
  const issues = command.error.issues.slice(0, SHOWN);
  throw new MessageError(z.prettifyError({ issues }).slice(0, 2000));
}

/** The `id` of a message that may be anything, so that a refusal can be matched. */
export function idOf(bytes: Uint8Array): MessageId | undefined {
  if (bytes.length > MESSAGE_BYTES) return undefined;
  try {
    const { id }: { id?: unknown } = Object(asJson(bytes));
    if (typeof id === 'string') return id.slice(0, 64);
    return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function asJson(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return value;
  } catch (cause) {
    throw new MessageError('the message is not JSON in UTF-8', { cause });
  }
}
