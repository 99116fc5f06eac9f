/** Asks for all of these, no more than so many at a time; answers in the order of the questions. */
export async function atOnce<Question, Answer>(
  questions: readonly Question[],
  max: number,
  ask: (question: Question) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const waiting = questions.entries();
  const work = async () => {
    for (const [index, question] of waiting) answers[index] = await ask(question);
  };
  await Promise.all(Array.from({ length: Math.min(max, questions.length) }, work));
  return answers;
}
