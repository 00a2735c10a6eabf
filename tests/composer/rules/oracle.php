<?php
// Answers questions about versions, constraints and names with Composer's own code, found on the include path.
// Reads JSON lines {"ask": ..., ...} and writes one JSON line each; null stands for "refused".

require 'Composer/autoload.php';

use Composer\Config;
use Composer\IO\NullIO;
use Composer\Package\BasePackage;
use Composer\Package\Loader\ArrayLoader;
use Composer\Package\Loader\RootPackageLoader;
use Composer\Package\Loader\ValidatingArrayLoader;
use Composer\Repository\PlatformRepository;
use Composer\Repository\Vcs\VcsDriverInterface;
use Composer\Repository\VcsRepository;
use Composer\Semver\Constraint\ConstraintInterface;
use Composer\Semver\Constraint\MatchAllConstraint;
use Composer\Semver\Constraint\MultiConstraint;
use Composer\Semver\Semver;
use Composer\Semver\VersionParser;
use Composer\Util\HttpDownloader;

// A repository of nothing but branches: with it Composer itself says what it makes of their names.
final class BranchesDriver implements VcsDriverInterface
{
    /** @var list<string> */
    public static array $names = [];
    public function initialize(): void {}
    public function getComposerInformation(string $identifier): ?array { return ['name' => 'acme/lib']; }
    public function getFileContent(string $file, string $identifier): ?string { return null; }
    public function getChangeDate(string $identifier): ?\DateTimeImmutable { return null; }
    public function getRootIdentifier(): string { return "no branch is called this"; }
    public function getBranches(): array { return array_combine(self::$names, array_map(fn ($n) => "id:$n", self::$names)); }
    public function getTags(): array { return []; }
    public function getDist(string $identifier): ?array { return null; }
    public function getSource(string $identifier): array { return ['type' => 'git', 'url' => 'x', 'reference' => $identifier]; }
    public function getUrl(): string { return 'x'; }
    public function hasComposerFile(string $identifier): bool { return false; }
    public function cleanup(): void {}
    public static function supports(Composer\IO\IOInterface $io, Config $config, string $url, bool $deep = false): bool { return true; }
}

// "[{...}]": alternatives of comparisons, as Composer holds them.
function shape(ConstraintInterface $constraint): array
{
    $alternatives = $constraint instanceof MultiConstraint && $constraint->isDisjunctive() ? $constraint->getConstraints() : [$constraint];
    $bounds = fn ($part) => $part instanceof MatchAllConstraint ? ['*', ''] : [$part->getOperator(), $part->getVersion()];
    return array_map(fn ($one) => array_map($bounds, $one instanceof MultiConstraint ? $one->getConstraints() : [$one]), $alternatives);
}

function imported(array $names): array
{
    BranchesDriver::$names = $names;
    $config = new Config(false);
    $io = new NullIO();
    $repository = new VcsRepository(['url' => 'x', 'type' => 'branches'], $io, $config, new HttpDownloader($io, $config), null, null, ['branches' => BranchesDriver::class]);
    $found = [];
    foreach ($repository->getPackages() as $package) {
        $found[substr($package->getSourceReference(), 3)] = [$package->getPrettyVersion(), $package->getVersion()];
    }
    return array_map(fn ($name) => $found[$name] ?? null, $names);
}

function answer(VersionParser $parser, array $q): mixed
{
    switch ($q['ask']) {
        case 'normalise': return $parser->normalize($q['version']);
        case 'stability': return VersionParser::parseStability($q['version']);
        case 'branch': return $parser->normalizeBranch($q['branch']);
        case 'prefix': return $parser->parseNumericAliasPrefix($q['branch']) ?: null;
        case 'compare': return version_compare($q['left'], $q['right']);
        case 'parse': return shape($parser->parseConstraints($q['constraint']));
        case 'satisfies': return Semver::satisfies($q['version'], $q['constraint']);
        case 'sort': return Semver::sort($q['versions']);
        case 'name': return ValidatingArrayLoader::hasPackageNamingError($q['name']) === null;
        case 'platform': return PlatformRepository::isPlatformPackage($q['name']);
        case 'accepted':
            $flags = RootPackageLoader::extractStabilityFlags(['acme/lib' => $q['constraint']], $q['minimum'], []);
            return array_search($flags['acme/lib'] ?? BasePackage::STABILITIES[$q['minimum']], BasePackage::STABILITIES, true);
        case 'alias': return (new ArrayLoader())->getBranchAlias($q['config']);
        case 'imported': return imported($q['branches']);
    }
    throw new LogicException('unknown question '.$q['ask']);
}

$parser = new VersionParser();
while (($line = fgets(STDIN)) !== false) {
    try {
        $answer = answer($parser, json_decode($line, true, 512, JSON_THROW_ON_ERROR));
    } catch (UnexpectedValueException $refused) {
        $answer = null;
    } catch (Composer\Pcre\PcreException $exhausted) {
        $answer = false; // A name that makes the client abort is no name one can use.
    }
    echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), "\n";
}
