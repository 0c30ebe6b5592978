"use strict";
// Where the page has its cases from and where decisions go to: the server that `make review` starts.

const word = document.querySelector("meta[name=word]").content;

async function get(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message || `status ${answer.status}`);
  return answer.json();
}

const source = {
  draws: true,
  list: () => get("/api/cases"),
  facts: (number) => get(`/api/cases/${number}`),
  file: (number, name) => `/api/cases/${number}/${name}.nii.gz`,
  async save(number, said) {
    const answer = await fetch(`/api/cases/${number}/decision`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-myot2-word": word },
      body: JSON.stringify(said),
    });
    if (answer.ok) return;
    const told = await answer.text();
    let message = told;
    try {
      message = JSON.parse(told).message;
    } catch {}
    throw new Error(message);
  },
};
