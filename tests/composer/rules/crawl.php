<?php
// Crawls the git repository in the folder of each question with Composer's own code, found on the include path.
// Reads JSON lines {"folder": ..., "home": ...} and writes {commit: [pretty version, normalised version, is default]}.

require 'Composer/autoload.php';

use Composer\Config;
use Composer\IO\NullIO;
use Composer\Repository\VcsRepository;
use Composer\Util\HttpDownloader;

while (($line = fgets(STDIN)) !== false) {
    $question = json_decode($line, true);
    $config = new Config(false);
    $config->merge(['config' => ['home' => $question['home'], 'cache-dir' => $question['home']]]);
    $io = new NullIO();
    $repository = new VcsRepository(['url' => $question['folder'], 'type' => 'git'], $io, $config, new HttpDownloader($io, $config));
    $found = [];
    foreach ($repository->getPackages() as $package) {
        if (!$package instanceof Composer\Package\AliasPackage) {
            $found[$package->getSourceReference()] = [$package->getPrettyVersion(), $package->getVersion(), $package->isDefaultBranch()];
        }
    }
    echo json_encode($found, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), "\n";
}
