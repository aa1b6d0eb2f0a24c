// Package repotest holds the shape of the repository, as a test: which package
// may import which, one door a framework, one comment a package.
package repotest
