// node bake.js DIR: takes the credential out of every ours-*.png and ours-*.svg
// in DIR with a chunk reader and an XML parser that know nothing of badges, and
// compares it with the bytes of *.credential of the same name; then bakes each
// credential into blank.png and blank.svg in its own way, as theirs-*, for us
// to read. No package bakes Open Badges 3.0.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {DOMParser, XMLSerializer} from '@xmldom/xmldom';
import encode from 'png-chunks-encode';
import extract from 'png-chunks-extract';
import {Count} from './common.js';

const dir = process.argv[2];
const NS = 'https://purl.imsglobal.org/ob/v3p0';
const KEYWORD = 'openbadgecredential';
const read = name => readFileSync(join(dir, name));
const count = new Count();

/** The texts of all iTXt chunks of the keyword (PNG §11.3.3.4). */
function texts(png) {
  return extract(png).filter(c => c.name === 'iTXt').map(c => Buffer.from(c.data)).filter(d => d.toString('latin1', 0, KEYWORD.length + 1) === KEYWORD + '\0').map(d => {
    let at = KEYWORD.length + 1;
    assert.equal(d[at], 0, 'it is compressed, which Open Badges 3.0 forbids');
    at = d.indexOf(0, at + 2) + 1; // behind the language
    return d.subarray(d.indexOf(0, at) + 1); // behind the translated keyword
  });
}

/** A PNG with the credential, right behind the header or before the end, with or without a language. */
function baked(png, credential, early, language) {
  const chunks = extract(png);
  const data = Buffer.concat([Buffer.from(`${KEYWORD}\0\0\0${language}\0\0`), credential]);
  chunks.splice(early ? 1 : chunks.length - 1, 0, {name: 'iTXt', data: new Uint8Array(data)});
  return Buffer.from(encode(chunks));
}

function tag(svg) {
  const doc = new DOMParser({onError(level, message) { throw new Error(message); }}).parseFromString(svg, 'image/svg+xml');
  const tags = doc.getElementsByTagNameNS(NS, 'credential');
  return {doc, tags};
}

for(const name of readdirSync(dir).filter(n => n.endsWith('.credential')).map(n => n.slice(0, -'.credential'.length))) {
  const credential = read(`${name}.credential`);
  const isJWT = credential[0] !== 0x7b;
  await count.check(`ours-${name}.png`, () => {
    const found = texts(read(`ours-${name}.png`));
    assert.equal(found.length, 1);
    assert.ok(found[0].equals(credential), 'other bytes came out');
  });
  await count.check(`ours-${name}.svg`, () => {
    const {tags} = tag(read(`ours-${name}.svg`).toString('utf8'));
    assert.equal(tags.length, 1);
    const text = isJWT ? tags[0].getAttribute('verify') : tags[0].textContent;
    assert.equal(text, credential.toString('utf8'));
  });
  for(const [how, early, language] of [['early', true, ''], ['late', false, ''], ['language', false, 'en']]) {
    writeFileSync(join(dir, `theirs-${how}-${name}.png`), baked(read('blank.png'), credential, early, language));
  }
  for(const how of ['cdata', 'text', 'default']) {
    const {doc} = tag(read('blank.svg').toString('utf8'));
    const root = doc.documentElement;
    const e = doc.createElementNS(NS, how === 'default' ? 'credential' : 'openbadges:credential');
    const text = credential.toString('utf8');
    if(isJWT) { e.setAttribute('verify', text); } else if(how === 'cdata' && !text.includes(']]>') && !text.includes('\r')) {
      e.appendChild(doc.createCDATASection(text));
    } else { e.appendChild(doc.createTextNode(text)); }
    root.insertBefore(e, root.firstChild);
    writeFileSync(join(dir, `theirs-${how}-${name}.svg`), new XMLSerializer().serializeToString(doc));
  }
}
count.end();
