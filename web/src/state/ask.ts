import { signal } from "@preact/signals";

/** A question that is open. */
export interface Question {
  title: string;
  yes: string;
  answer: (isYes: boolean) => void;
}

export const question = signal<Question | null>(null);

/** Asks for a yes before something that cannot be undone. */
export function ask(title: string, yes: string): Promise<boolean> {
  question.peek()?.answer(false);
  return new Promise((resolve) => {
    question.value = {
      title,
      yes,
      answer: (isYes) => {
        question.value = null;
        resolve(isYes);
      },
    };
  });
}
