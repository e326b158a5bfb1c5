// The description of this gateway's API. Nothing is sent to a validator elsewhere.
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", validatorUrl: null });
});
