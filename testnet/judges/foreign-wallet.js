// node foreign-wallet.js receive INVITATION_URL STATE_FILE
// node foreign-wallet.js present REQUEST_URL STATE_FILE
//
// A wallet of foreign parts: SICPA's didcomm, a plain websocket, Digital
// Bazaar's signatures. It shares nothing with the node but the protocols.
import {webcrypto as crypto} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import WebSocket from 'ws';
import * as vc from '@digitalbazaar/vc';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {loader} from './common.js';
const require = createRequire(import.meta.url);
const {Message} = require('didcomm-node');
const bs58 = require('base58-universal');

const [,, mode, link, stateFile] = process.argv;
const b64u = bytes => Buffer.from(bytes).toString('base64url');
const multikey = (prefix, raw) => 'z' + bs58.encode(Uint8Array.from([...prefix, ...raw]));
const id = () => crypto.randomUUID();
const fail = why => { console.error(why); process.exit(1); };
setTimeout(() => fail('waited in vain'), 30000).unref();

// our own did:peer:2, made anew for each connection
async function newPeer() {
  const agree = await crypto.subtle.generateKey({name: 'X25519'}, true, ['deriveBits']);
  const auth = await crypto.subtle.generateKey({name: 'Ed25519'}, true, ['sign']);
  const [a, s] = await Promise.all([agree, auth].map(k => crypto.subtle.exportKey('jwk', k.privateKey)));
  const did = 'did:peer:2.E' + multikey([0xec, 1], Buffer.from(a.x, 'base64url')) + '.V' + multikey([0xed, 1], Buffer.from(s.x, 'base64url'));
  const method = (fragment, jwk) => ({id: did + fragment, type: 'JsonWebKey2020', controller: did, publicKeyJwk: {kty: 'OKP', crv: jwk.crv, x: jwk.x}});
  return {
    did,
    document: {id: did, keyAgreement: [did + '#key-1'], authentication: [did + '#key-2'], verificationMethod: [method('#key-1', a), method('#key-2', s)], service: []},
    secrets: [['#key-1', a], ['#key-2', s]].map(([f, k]) => ({id: did + f, type: 'JsonWebKey2020', privateKeyJwk: {kty: 'OKP', crv: k.crv, x: k.x, d: k.d}}))
  };
}

// the node's did:web, over HTTP since it is on this machine
async function fetchDocument(did) {
  const host = decodeURIComponent(did.split(':')[2]);
  const response = await fetch(`http://${host}/.well-known/did.json`);
  return response.json();
}

function plainMethods(doc) {
  return {
    id: doc.id, keyAgreement: doc.keyAgreement, authentication: doc.authentication ?? [], service: [],
    verificationMethod: doc.verificationMethod.map(m => {
      const raw = bs58.decode(m.publicKeyMultibase.slice(1));
      const crv = raw[0] === 0xec ? 'X25519' : 'Ed25519';
      return {id: m.id, type: 'JsonWebKey2020', controller: m.controller, publicKeyJwk: {kty: 'OKP', crv, x: b64u(raw.slice(2))}};
    })
  };
}

class Link {
  queue = []; waiting = [];
  static async open(invitation) {
    const l = new Link();
    l.peer = await newPeer();
    l.to = invitation.from;
    const doc = await fetchDocument(l.to);
    const documents = {[l.peer.did]: l.peer.document, [l.to]: plainMethods(doc)};
    l.dids = {resolve: async did => documents[did] ?? null};
    l.secrets = {
      get_secret: async sid => l.peer.secrets.find(s => s.id === sid) ?? null,
      find_secrets: async sids => sids.filter(s => l.peer.secrets.some(x => x.id === s))
    };
    l.ws = new WebSocket(doc.service.find(s => s.type === 'DIDCommMessaging').serviceEndpoint[0].uri);
    l.ws.on('message', async data => {
      const [m] = await Message.unpack(data.toString(), l.dids, l.secrets, {});
      const value = m.as_value();
      if(value.type.endsWith('/empty')) { return; }
      if(value.please_ack) { await l.send('https://didcomm.org/empty/1.0/empty', {}, {ack: [value.id]}); }
      const w = l.waiting.shift();
      if(w) { w(value); } else { l.queue.push(value); }
    });
    await new Promise((ok, no) => { l.ws.on('open', ok); l.ws.on('error', no); });
    return l;
  }
  async send(type, body, more = {}) {
    const m = new Message({id: id(), typ: 'application/didcomm-plain+json', type, from: this.peer.did, to: [this.to], body, return_route: 'all', ...more});
    const [packed] = await m.pack_encrypted(this.to, this.peer.did, null, this.dids, this.secrets, {forward: false});
    this.ws.send(packed);
  }
  async expect(type) {
    const m = this.queue.length ? this.queue.shift() : await new Promise(ok => this.waiting.push(ok));
    if(m.type.endsWith('problem-report')) { fail(`the node reports: ${m.body.comment}`); }
    if(!m.type.endsWith(type)) { fail(`got ${m.type} instead of ${type}`); }
    return m;
  }
}

function attachment(m, format) {
  const a = m.attachments.find(x => x.format === format) ?? fail(`no attachment ${format}`);
  return Buffer.from(a.data.base64, 'base64url').toString('utf8');
}
const attach = (format, mediaType, text) => [{id: '0', format, media_type: mediaType, data: {base64: b64u(text)}}];

async function holderKey(state) {
  const key = state.key ? await Ed25519Multikey.from(state.key) : await Ed25519Multikey.generate();
  const {publicKeyMultibase} = await key.export({publicKey: true});
  key.controller = `did:key:${publicKeyMultibase}`;
  key.id = `${key.controller}#${publicKeyMultibase}`;
  return key;
}

async function presentation(key, challenge, domain, verifiableCredential) {
  const suite = new DataIntegrityProof({signer: key.signer(), cryptosuite});
  const p = {'@context': ['https://www.w3.org/ns/credentials/v2'], type: ['VerifiablePresentation'], holder: key.controller, ...(verifiableCredential ? {verifiableCredential} : {})};
  return JSON.stringify(await vc.signPresentation({presentation: p, suite, challenge, domain, documentLoader: loader()}));
}

const invitation = JSON.parse(Buffer.from(new URL(link).searchParams.get('_oob'), 'base64url').toString('utf8'));

if(mode === 'receive') {
  const key = await holderKey({});
  const l = await Link.open(invitation);
  await l.send('https://didcomm.org/trust-ping/2.0/ping', {response_requested: true}, {pthid: invitation.id});
  await l.expect('/ping-response');
  console.log('connected');
  const offer = await l.expect('/offer-credential');
  const {challenge, domain, name} = JSON.parse(attachment(offer, 'trustme/badge-offer@1.0'));
  await l.send('https://didcomm.org/issue-credential/3.0/request-credential', {}, {thid: offer.thid, attachments: attach('trustme/holder-proof@1.0', 'application/vp', await presentation(key, challenge, domain))});
  const issued = await l.expect('/issue-credential');
  const text = attachment(issued, 'trustme/open-badge@3.0');
  const credential = JSON.parse(text);
  if(credential.credentialSubject.id !== key.controller) { fail('the badge is bound to another key'); }
  const doc = await fetchDocument(credential.issuer.id);
  const base = loader();
  const documentLoader = async url => url.startsWith(doc.id) ? {contextUrl: null, documentUrl: url, document: url.includes('#') ? {'@context': 'https://w3id.org/security/multikey/v1', ...doc.verificationMethod.find(m => m.id === url)} : doc} : base(url);
  const result = await vc.verifyCredential({credential, suite: new DataIntegrityProof({cryptosuite}), documentLoader, checkStatus: async () => ({verified: true})});
  if(!result.verified) { fail(`the badge does not verify: ${JSON.stringify(result.error?.errors?.map(e => e.message))}`); }
  await l.send('https://didcomm.org/issue-credential/3.0/ack', {status: 'OK'}, {thid: offer.thid});
  writeFileSync(stateFile, JSON.stringify({key: await key.export({publicKey: true, secretKey: true, includeContext: true}), badge: text}));
  await new Promise(ok => setTimeout(ok, 500)); // until the acknowledgement is out
  console.log(`received ${name}`);
} else {
  const state = JSON.parse(readFileSync(stateFile, 'utf8'));
  const key = await holderKey(state);
  const request = invitation.attachments[0].data.json;
  const {challenge, domain} = JSON.parse(Buffer.from(request.attachments[0].data.base64, 'base64url').toString('utf8'));
  const l = await Link.open(invitation);
  await l.send('https://didcomm.org/present-proof/3.0/presentation', {}, {thid: request.id, pthid: invitation.id, attachments: attach('w3c/verifiable-presentation@2.0', 'application/vp', await presentation(key, challenge, domain, [JSON.parse(state.badge)]))});
  await l.expect('/ack');
  console.log('presented and accepted');
}
process.exit(0);
