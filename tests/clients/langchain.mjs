// LangChain's chat model for OpenAI. Usage: node langchain.mjs ADDRESS CLIP
import assert from "node:assert/strict";
import fs from "node:fs";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";

const [address, clip] = process.argv.slice(2);
const model = new ChatOpenAI({ model: "default", apiKey: "unused", temperature: 0, maxTokens: 8, maxRetries: 0, configuration: { baseURL: `${address}v1` } });
const picture = fs.readFileSync(clip.replace(/mp4$/, "png")).toString("base64");
const message = new HumanMessage({ content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } }, { type: "text", text: "What is it?" }] });

const whole = await model.invoke([message]);
assert.equal(whole.usage_metadata.output_tokens, 8);

let text = "";
for await (const chunk of await model.stream([message])) text += chunk.content;
assert.equal(text, whole.content);

const further = [message, whole, new HumanMessage("And then?")];                                                    // an answer goes back as it came
assert.equal((await model.invoke(further)).usage_metadata.output_tokens, 8);
const video = `data:video/mp4;base64,${fs.readFileSync(clip, "base64")}`;
const film = new HumanMessage({ content: [{ type: "video_url", video_url: { url: video } }, { type: "text", text: "What happens?" }] });
assert.equal((await model.invoke([film])).usage_metadata.output_tokens, 8);

const open = new ChatOpenAI({ model: "default", apiKey: "unused", temperature: 0, maxRetries: 0, configuration: { baseURL: `${address}v1` } });
const schema = { title: "clip", type: "object", properties: { moves: { type: "boolean" } }, required: ["moves"] };
assert.equal(typeof (await open.withStructuredOutput(schema, { method: "jsonSchema", name: "clip" }).invoke([message])).moves, "boolean");

const other = new ChatOpenAI({ model: "gpt-4", apiKey: "unused", maxRetries: 0, configuration: { baseURL: `${address}v1` } });
await assert.rejects(other.invoke([message]), fault => fault.status === 404);
console.log("ok");
