/**
 * The Foxglove WebSocket protocol, the parts that a server of data needs: JSON texts and one binary message.
 * Source: github.com/foxglove/ws-protocol, docs/spec.md; its successor foxglove.sdk.v1 has the same messages under
 * another name (github.com/foxglove/foxglove-sdk, rust/foxglove/src/protocol/v1).
 */
import { z } from 'zod';
import { MessageError } from '../contract/apiErrors.js';

/** The first that a viewer offers is spoken: new Foxglove asks for the first, Lichtblick and older ones for the second. */
export const SUBPROTOCOLS: readonly string[] = ['foxglove.sdk.v1', 'foxglove.websocket.v1'];

/** What a channel's messages are. `schema` is text of `schemaEncoding`. */
export interface ChannelDescription {
  readonly topic: string;
  readonly encoding: 'cdr' | 'json';
  readonly schemaName: string;
  readonly schemaEncoding: 'ros2msg' | 'jsonschema';
  readonly schema: string;
}

export const STATUS = { info: 0, warning: 1, error: 2 } as const;

export type FromServer =
  | {
      readonly op: 'serverInfo';
      readonly name: string;
      /** None: nobody publishes, calls or sets anything through this door. */
      readonly capabilities: readonly never[];
      readonly sessionId: string;
    }
  | { readonly op: 'status'; readonly level: number; readonly message: string }
  | { readonly op: 'advertise'; readonly channels: readonly (ChannelDescription & { readonly id: number })[] }
  | { readonly op: 'unadvertise'; readonly channelIds: readonly number[] };

const id = z.int().min(0).max(0xffff_ffff);

const requestSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('subscribe'),
    subscriptions: z.array(z.object({ id, channelId: id })).max(1000),
  }),
  z.object({ op: z.literal('unsubscribe'), subscriptionIds: z.array(id).max(1000) }),
]);
export type ViewerRequest = z.output<typeof requestSchema>;

/** Throws MessageError for anything but a subscription or its end. */
export function parseRequest(text: string): ViewerRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MessageError('the message is not JSON', { cause });
  }
  const request = requestSchema.safeParse(value);
  if (request.success) return request.data;
  const [issue] = request.error.issues;
  throw new MessageError(
    `only subscribe and unsubscribe are understood here (${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}); ` +
      'use the control API for anything else',
  );
}

const MESSAGE_DATA = 1;
/** Opcode, u32 subscription, u64 time [ns]; little-endian. */
const HEAD_BYTES = 13;

export function encodeMessage(subscription: number, timeNs: bigint, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MESSAGE_DATA);
  view.setUint32(1, subscription, true);
  view.setBigUint64(5, timeNs, true);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}
