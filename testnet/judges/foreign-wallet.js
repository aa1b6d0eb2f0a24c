// node foreign-wallet.js receive INVITATION_URL STATE_FILE
// node foreign-wallet.js present REQUEST_URL STATE_FILE [CHALLENGE]
//
// A wallet of foreign parts: SICPA's didcomm over a plain websocket, Digital
// Bazaar's signatures. It accepts an invitation, proves its key, receives,
// verifies, acknowledges and keeps one badge; later it presents it. CHALLENGE
// is signed instead of the one in the request.
import {readFileSync, writeFileSync} from 'node:fs';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {didKey, loader, loaderOf} from './common.js';
import {Link, attach, attached, fetchDocument} from './link.js';

const ISSUE = 'https://didcomm.org/issue-credential/3.0';
const PROOF = 'https://didcomm.org/present-proof/3.0';
const PING = 'https://didcomm.org/trust-ping/2.0';
const [,, mode, url, stateFile, otherChallenge] = process.argv;
setTimeout(() => { console.error('waited in vain for 30 s'); process.exit(1); }, 30000).unref();

const invitation = JSON.parse(Buffer.from(new URL(url).searchParams.get('_oob'), 'base64url').toString('utf8'));

async function signed(key, challenge, domain, verifiableCredential) {
  const suite = new DataIntegrityProof({signer: key.signer(), cryptosuite});
  const presentation = {'@context': ['https://www.w3.org/ns/credentials/v2'], type: ['VerifiablePresentation'], holder: key.controller, verifiableCredential};
  return JSON.stringify(await vc.signPresentation({presentation, suite, challenge, domain, documentLoader: loader()}));
}

/** Verifies a badge: proof, dates, and its status list, which is fetched from the issuer. */
async function verify(credential) {
  const documents = new Map();
  for(const [id, get] of [[credential.issuer.id, fetchDocument], [credential.credentialStatus.statusListCredential, async u => (await fetch(u)).json()]]) {
    documents.set(id, await get(id));
  }
  const documentLoader = loaderOf(documents);
  const suite = new DataIntegrityProof({cryptosuite});
  const result = await vc.verifyCredential({credential, suite, documentLoader,
    checkStatus: options => checkStatus({...options, suite, documentLoader, verifyBitstringStatusListCredential: true})});
  if(!result.verified || result.statusResult.results.some(r => r.status)) {
    throw new Error(`the badge does not verify: ${JSON.stringify(result, (k, v) => v instanceof Error ? v.message : v)}`);
  }
}

async function receive() {
  const key = await didKey();
  const link = await Link.open(invitation.from);
  const ping = await link.send(`${PING}/ping`, {response_requested: true}, {pthid: invitation.id});
  const pong = await link.expect(`${PING}/ping-response`);
  if(pong.thid !== ping) { throw new Error(`the response belongs to ${pong.thid}`); }
  console.log('connected');
  const offer = await link.expect(`${ISSUE}/offer-credential`);
  const {challenge, domain, name} = JSON.parse(attached(offer, 'trustme/badge-offer@1.0'));
  const proof = await signed(key, challenge, domain);
  await link.send(`${ISSUE}/request-credential`, {}, {thid: offer.thid, attachments: attach('trustme/holder-proof@1.0', 'application/vp', proof)});
  const badge = attached(await link.expect(`${ISSUE}/issue-credential`), 'trustme/open-badge@3.0');
  const credential = JSON.parse(badge);
  if(credential.credentialSubject.id !== key.controller) { throw new Error('the badge is bound to another key'); }
  await verify(credential);
  writeFileSync(stateFile, JSON.stringify({badge, key: await key.export({publicKey: true, secretKey: true, includeContext: true})}), {mode: 0o600});
  await link.sendForSure(`${ISSUE}/ack`, {status: 'OK'}, {thid: offer.thid});
  console.log(`received ${name}`);
}

async function present() {
  const state = JSON.parse(readFileSync(stateFile, 'utf8'));
  const request = invitation.attachments[0].data.json;
  const {challenge, domain} = JSON.parse(attached(request, 'w3c-ccg/verifiable-presentation-request@0.2'));
  const presentation = await signed(await didKey(state.key), otherChallenge ?? challenge, domain, [JSON.parse(state.badge)]);
  const link = await Link.open(invitation.from);
  await link.send(`${PROOF}/presentation`, {}, {thid: request.id, pthid: invitation.id, attachments: attach('w3c/verifiable-presentation@2.0', 'application/vp', presentation)});
  const ack = await link.expect(`${PROOF}/ack`);
  if(ack.thid !== request.id || ack.body.status !== 'OK') { throw new Error(`acknowledged otherwise: ${JSON.stringify(ack)}`); }
  console.log('presented and accepted');
}

try {
  await {receive, present}[mode]();
  process.exit(0);
} catch(e) {
  console.error(e.message);
  process.exit(1);
}
