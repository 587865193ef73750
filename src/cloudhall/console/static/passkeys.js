// Passkeys: ask the device, put its answer into the form, send the form. Pages say what to do where this cannot run.

const able = typeof PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !able;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await ask(form.dataset));
    } catch {
      failed.hidden = false; // given up, timed out, or a device that is registered already: browsers do not say which
      return;
    }
    form.submit();
  });
}
for (const text of document.querySelectorAll("[data-no-passkey]")) text.hidden = able;

async function ask({ passkey, options }) {
  const asked = JSON.parse(options);
  return passkey === "make"
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
}
