// How many tokens is the text on standard input (o200k_base)?
import { encode } from "gpt-tokenizer"

let text = ""
for await (const chunk of process.stdin) text += chunk
console.log(encode(text).length)
