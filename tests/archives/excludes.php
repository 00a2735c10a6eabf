<?php
// Says with Composer's own code which paths its exclude rules keep out.
// Reads JSON lines {"rules": [...], "paths": [...]} and writes a list of true and false for each.

require 'Composer/autoload.php';

// Of patterns that PHP cannot compile it warns for each path, with bytes that are no text.
error_reporting(E_ALL & ~E_WARNING);

while (($line = fgets(STDIN)) !== false) {
    $question = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    $filter = new Composer\Package\Archiver\ComposerExcludeFilter('/', $question['rules']);
    echo json_encode(array_map(fn ($path) => $filter->filter('/'.$path, false), $question['paths'])), "\n";
}
