// The official OpenAI client, unchanged. Usage: node openai.mjs ADDRESS CLIP [KEY]
import assert from "node:assert/strict";
import fs from "node:fs";
import OpenAI, { toFile } from "openai";

const [address, clip, key = "unused"] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${address}v1`, apiKey: key });
const bytes = fs.readFileSync(clip);
const question = { type: "text", text: "What happens in the video?" };
const video = { type: "video_url", video_url: { url: `data:video/mp4;base64,${bytes.toString("base64")}` } };
const ask = part => ({ model: "default", messages: [{ role: "user", content: [part, question] }], max_tokens: 8, temperature: 0 });

assert.deepEqual((await client.models.list()).data.map(model => model.id), ["default"]);

const whole = await client.chat.completions.create(ask(video));
const text = whole.choices[0].message.content;
assert.equal(whole.choices[0].finish_reason, "length");
assert.equal(whole.usage.completion_tokens, 8);

let streamed = "", usage;
for await (const chunk of await client.chat.completions.create({ ...ask(video), stream: true, stream_options: { include_usage: true } })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage ??= chunk.usage;
}
assert.equal(streamed, text);
assert.equal(usage.completion_tokens, 8);

const turns = [...ask(video).messages, whole.choices[0].message, { role: "user", content: "And then?" }];      // an answer goes back as it came
assert.equal((await client.chat.completions.create({ ...ask(video), messages: turns })).choices[0].finish_reason, "length");
assert.equal((await client.chat.completions.stream(ask(video)).finalChatCompletion()).choices[0].message.content, text);
const schema = { type: "object", properties: { moves: { type: "boolean" } }, required: ["moves"], additionalProperties: false };
const parsed = await client.chat.completions.parse({ ...ask(video), max_tokens: 100, response_format: { type: "json_schema", json_schema: { name: "clip", strict: true, schema } } });
assert.equal(typeof parsed.choices[0].message.parsed.moves, "boolean");

const file = await client.files.create({ file: fs.createReadStream(clip), purpose: "vision", expires_after: { anchor: "created_at", seconds: 3600 } });
assert.equal(file.expires_at, file.created_at + 3600);
assert.equal(file.bytes, bytes.length);
assert.ok((await client.files.list({ purpose: "vision", limit: 100 })).data.some(other => other.id === file.id));
assert.equal((await client.files.retrieve(file.id)).status, "processed");
assert.deepEqual(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()), bytes);
assert.equal((await client.chat.completions.create(ask({ type: "file", file: { file_id: file.id } }))).choices[0].message.content, text);
assert.equal((await client.files.delete(file.id)).deleted, true);
await assert.rejects(client.files.retrieve(file.id), fault => fault instanceof OpenAI.NotFoundError && fault.code === "file_not_found");

const upload = await client.uploads.create({ filename: "clip.mp4", bytes: bytes.length, mime_type: "video/mp4", purpose: "vision" });
const parts = [];
for (const [from, to] of [[0, 700], [700, 701], [701, bytes.length]])
  parts.push(await client.uploads.parts.create(upload.id, { data: await toFile(bytes.subarray(from, to), "part") }));
const completed = await client.uploads.complete(upload.id, { part_ids: parts.map(part => part.id) });
assert.equal(completed.status, "completed");
assert.deepEqual(Buffer.from(await (await client.files.content(completed.file.id)).arrayBuffer()), bytes);

await assert.rejects(client.chat.completions.create({ ...ask(video), model: "gpt-4" }), fault => fault instanceof OpenAI.NotFoundError && fault.code === "model_not_found");
await assert.rejects(client.chat.completions.create({ ...ask(video), temperature: 9 }), fault => fault instanceof OpenAI.BadRequestError && fault.param === "temperature");
console.log("ok");
