// A DIDComm v2 connection of foreign parts: SICPA's didcomm packs and unpacks,
// ws carries. It shares nothing with the node but the protocols.
import {randomUUID} from 'node:crypto';
import {createRequire} from 'node:module';
import WebSocket from 'ws';
import {newPeer, withJwks} from './peer.js';
const require = createRequire(import.meta.url);
const {Message} = require('didcomm-node');

const EMPTY = 'https://didcomm.org/empty/1.0/empty';
const b64u = bytes => Buffer.from(bytes).toString('base64url');

/** The did:web document of a node on this machine, over HTTP. */
export async function fetchDocument(did) {
  const response = await fetch(`http://${decodeURIComponent(did.split(':')[2])}/.well-known/did.json`);
  const document = await response.json();
  if(document.id !== did) { throw new Error(`${response.url} is the document of ${document.id}, not of ${did}`); }
  return document;
}

export class Link {
  queue = [];
  waiting = [];

  /** Dials the websocket that the document of a DID names, as a new peer. */
  static async open(to) {
    const l = new Link();
    const document = await fetchDocument(to);
    l.to = to;
    l.peer = await newPeer();
    const documents = {[l.peer.did]: l.peer.document, [to]: withJwks(document)};
    l.dids = {resolve: async did => documents[did] ?? null};
    l.secrets = {
      get_secret: async id => l.peer.secrets.find(s => s.id === id) ?? null,
      find_secrets: async ids => ids.filter(id => l.peer.secrets.some(s => s.id === id))
    };
    l.ws = new WebSocket(document.service.find(s => s.type === 'DIDCommMessaging').serviceEndpoint[0].uri);
    l.ws.on('message', data => l.#receive(data.toString()));
    await new Promise((ok, no) => { l.ws.on('open', ok); l.ws.on('error', no); });
    return l;
  }

  async #receive(frame) {
    const [m, how] = await Message.unpack(frame, this.dids, this.secrets, {});
    const value = m.as_value();
    if(!how.authenticated || value.from !== this.to || value.to?.[0] !== this.peer.did) {
      throw new Error(`not from the node to us: ${JSON.stringify({...value, how})}`);
    }
    if(value.please_ack) { await this.send(EMPTY, {}, {thid: value.thid ?? value.id, ack: [value.id]}); }
    if(value.type === EMPTY && !value.ack) { return; }
    const next = this.waiting.shift();
    if(next) { next(value); } else { this.queue.push(value); }
  }

  /** Seals a message with our key (authcrypt) and sends it; returns its id. */
  async send(type, body, more = {}) {
    const id = randomUUID();
    const m = new Message({id, typ: 'application/didcomm-plain+json', type, from: this.peer.did, to: [this.to], body, return_route: 'all', ...more});
    const [packed] = await m.pack_encrypted(this.to, this.peer.did, null, this.dids, this.secrets, {forward: false});
    this.ws.send(packed);
    return id;
  }

  /** Sends what the other side must keep, and returns when it says that it did. */
  async sendForSure(type, body, more = {}) {
    const id = await this.send(type, body, {...more, please_ack: ['']});
    const m = await this.expect(EMPTY);
    if(!m.ack.includes(id)) { throw new Error(`${m.ack} is acknowledged instead of ${id}`); }
  }

  /** The next message, which must be of a type; a problem report ends the matter. */
  async expect(type) {
    const m = this.queue.shift() ?? await new Promise(ok => this.waiting.push(ok));
    if(m.type.endsWith('/problem-report')) { throw new Error(`the node reports ${m.body.code}: ${m.body.comment}`); }
    if(m.type !== type) { throw new Error(`got ${m.type} instead of ${type}`); }
    return m;
  }
}

/** One attachment as bytes of text, and how they are read back. */
export const attach = (format, mediaType, text) => [{id: '0', format, media_type: mediaType, data: {base64: b64u(text)}}];
export function attached(m, format) {
  const a = m.attachments?.find(x => x.format === format);
  if(!a) { throw new Error(`no attachment ${format} in ${m.type}`); }
  return Buffer.from(a.data.base64, 'base64url').toString('utf8');
}
