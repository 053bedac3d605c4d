// The way in of every npm script: `node build/go.mjs TASK args…` checks Node, installs what is missing, then runs build/TASK.mjs.
// This one file keeps to syntax that old releases of Node understand, so that they can be told what they are.

var need = [20, 12];
var have = process.versions.node.split('.').map(Number);
var task = process.argv[2];

if (have[0] < need[0] || (have[0] === need[0] && have[1] < need[1])) {
  console.error('Holdfast needs Node ' + need.join('.') + ' or later; this is Node ' + process.versions.node + ' (' + process.execPath + ').');
  console.error('Install a current one from https://nodejs.org/en/download, or with a version manager: nvm install 24');
  process.exitCode = 1;
} else {
  import('./ensure.mjs')
    .then(function (its) { return its.ensure(task === 'server' || (task === 'build' && process.argv[3] === 'server')); })
    .then(function (ready) { return ready ? import('./' + task + '.mjs').then(function (its) { return its.main(process.argv.slice(3)); }) : 1; })
    .then(function (code) { process.exitCode = code; }, function (error) { console.error(error); process.exitCode = 1; });
}
