<?php

// Unpacks zips as Composer does without the unzip program: lines of "zip TAB folder" in, "true" or what failed out.

while (false !== $line = fgets(STDIN)) {
    [$file, $folder] = explode("\t", rtrim($line, "\n"));
    $zip = new ZipArchive();
    $opened = $zip->open($file);
    echo json_encode($opened === true ? @$zip->extractTo($folder) : $opened), "\n";
}
