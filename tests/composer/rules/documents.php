<?php declare(strict_types=1);

// Answers questions about manifests and documents with Composer's own code, found on the include path.
// Reads JSON lines {"ask": ..., ...} and writes one JSON line each.

require 'Composer/autoload.php';

use Composer\Autoload\AutoloadGenerator;
use Composer\Json\JsonFile;
use Composer\MetadataMinifier\MetadataMinifier;
use Composer\Package\AliasPackage;
use Composer\Package\Dumper\ArrayDumper;
use Composer\Package\Loader\ArrayLoader;
use Composer\Package\Loader\InvalidPackageException;
use Composer\Package\Loader\ValidatingArrayLoader;
use Composer\Package\PackageInterface;
use Composer\Package\RootPackage;

// What a client has in its hands after reading one version from a repository, and the alias it gave it.
function loaded(array $config): array
{
    try {
        [$package] = (new ArrayLoader())->loadPackages([$config]);
        $alias = null;
        if ($package instanceof AliasPackage) {
            $alias = $package->getVersion();
            $package = $package->getAliasOf();
        }
        // Since 2.10 whatever enters a lock is looked at once more.
        if (method_exists(ValidatingArrayLoader::class, 'validatePackage')) {
            ValidatingArrayLoader::validatePackage($package);
        }
        autoloaded($package);
        return ['alias' => $alias, 'package' => (new ArrayDumper())->dump($package)];
    } catch (Throwable $fault) {
        return ['fault' => $fault->getMessage()];
    }
}

// The part of making an autoloader that looks at what the package says of itself.
function autoloaded(PackageInterface $package): void
{
    $generator = (new ReflectionClass(AutoloadGenerator::class))->newInstanceWithoutConstructor();
    (new ReflectionMethod($generator, 'validatePackage'))->invoke($generator, $package);
    $root = new RootPackage('acme/project', '1.0.0.0', '1.0.0');
    $generator->parseAutoloads([[$root, ''], [$package, '/vendor/acme/lib/'.$package->getTargetDir()]], $root);
    foreach ($package->getIncludePaths() as $path) {
        trim($path, '/');
    }
}

// What `composer validate` and Packagist would have to say.
function validated(array $manifest): array
{
    $loader = new ValidatingArrayLoader(new ArrayLoader());
    try {
        $loader->load($manifest);
    } catch (InvalidPackageException $refused) {
        return ['errors' => $refused->getErrors(), 'warnings' => $refused->getWarnings()];
    } catch (Throwable $fault) {
        return ['errors' => ['fault: '.$fault->getMessage()], 'warnings' => []];
    }
    return ['errors' => [], 'warnings' => $loader->getWarnings()];
}

function answer(array $q): array
{
    switch ($q['ask']) {
        case 'load': return loaded($q['version']);
        case 'validate': return validated($q['manifest']);
        case 'schema': return array_keys(json_decode((string) file_get_contents(JsonFile::COMPOSER_SCHEMA_PATH), true)['properties']);
        case 'minify': return MetadataMinifier::minify($q['objects']);
        case 'expand': return MetadataMinifier::expand($q['objects']);
    }
    throw new LogicException('unknown question '.$q['ask']);
}

// As in Composer itself: whatever PHP complains about is a fault.
set_error_handler(function (int $level, string $message): bool {
    if ($level & (E_DEPRECATED | E_USER_DEPRECATED)) {
        return true;
    }
    throw new ErrorException($message);
});

while (($line = fgets(STDIN)) !== false) {
    $answer = answer(json_decode($line, true, 512, JSON_THROW_ON_ERROR));
    echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION), "\n";
}
