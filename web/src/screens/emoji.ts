/** What is offered; any other can be typed. Those for reactions come first. */
export const EMOJI: readonly string[] = (
  "👍 ❤️ 😂 😮 😢 🙏 🎉 🔥 👏 🤔 👀 ✅ 🌹 💯 😍 🥳 " +
  "😀 😃 😄 😁 😅 🤣 😊 🙂 😉 😌 😘 😋 😎 🤩 🤗 🤫 " +
  "😐 😏 😴 😷 🤒 🥺 😭 😤 😠 😱 😳 🥱 🙄 😬 🤝 👋 " +
  "👌 ✌️ 🤞 💪 🙌 ✋ 👎 ☕ 🍵 🌸 🌷 🌱 🌙 ⭐ ☀️ ⚡"
).split(" ");
