// Vercel's AI SDK with its provider for compatible servers. Usage: node ai-sdk.mjs ADDRESS CLIP
import assert from "node:assert/strict";
import fs from "node:fs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, jsonSchema, streamText } from "ai";

const [address, clip] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "llamavid", baseURL: `${address}v1`, includeUsage: true });
const picture = fs.readFileSync(clip.replace(/mp4$/, "png"));
const messages = [{ role: "user", content: [{ type: "image", image: picture }, { type: "text", text: "What is it?" }] }];
const order = { model: provider("default"), messages, maxOutputTokens: 8, temperature: 0 };

const whole = await generateText(order);
assert.equal(whole.finishReason, "length");
assert.equal(whole.usage.outputTokens, 8);

const stream = streamText(order);
let text = "";
for await (const piece of stream.textStream) text += piece;
assert.equal(text, whole.text);
assert.equal((await stream.usage).outputTokens, 8);

const further = [...messages, { role: "assistant", content: whole.text }, { role: "user", content: "And then?" }];
assert.equal((await generateText({ ...order, messages: further })).usage.outputTokens, 8);

const strict = createOpenAICompatible({ name: "llamavid", baseURL: `${address}v1`, supportsStructuredOutputs: true });
const schema = jsonSchema({ type: "object", properties: { moves: { type: "boolean" } }, required: ["moves"] });
assert.equal(typeof (await generateObject({ ...order, model: strict("default"), maxOutputTokens: 100, schema })).object.moves, "boolean");

await assert.rejects(generateText({ ...order, model: provider("gpt-4"), maxRetries: 0 }), fault => APICallError.isInstance(fault) && fault.statusCode === 404);
console.log("ok");
