"""What an Application's spec means in this installation, and whether its project permits it."""

from trimtab.controllers.application.model import Inputs
from trimtab.controllers.application.world import World
from trimtab.core.errors import Stalled
from trimtab.core.manifest import app_instance_name
from trimtab.core.manifest.live import LiveObject
from trimtab.core.policy import (
    Destination,
    Project,
    check_application,
    service_account_for,
    source_namespace_permitted,
)
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.crds.argoproj_v1alpha1.mapping import map_ignore_rules, sources_of
from trimtab.ports.cluster import Cluster, ClusterUnreachable


class InvalidSpec(Stalled):
    """The spec is wrong, or the project does not permit it."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidSpecError", message)


def locate(world: World, key: str, app: Application, live: LiveObject) -> Inputs:
    """Return what an Application's spec means in this installation.

    Raises:
        InvalidSpec: The spec is wrong, or the project does not permit it.
        ClusterUnknown: No such destination.
        ClusterUnreachable: The destination does not answer.
    """
    spec, settings = app.spec, world.settings
    sources = sources_of(spec)
    if not sources:
        raise InvalidSpec("spec.source or spec.sources: state at least one source")
    if spec.source_hydrator is not None:
        raise InvalidSpec("spec.sourceHydrator is not supported: state spec.source")
    destination = spec.destination
    if bool(destination.server) == bool(destination.name):
        raise InvalidSpec("spec.destination: state either server or name")
    project = world.catalogue.project(spec.project or "default")
    if project is None:
        raise InvalidSpec(
            f"Application referencing project {spec.project or 'default'} which does not exist"
        )
    cluster = world.clusters.find(server=destination.server, name=destination.name)
    registered = world.clusters.settings(cluster.server)
    assert registered is not None
    _check_project(world, app, project, cluster)
    if cluster.reachable is False:
        raise ClusterUnreachable(
            "ClusterUnreachable", f"cluster {cluster.name} ({cluster.server}) does not answer"
        )
    account = service_account_for(project, cluster.server, destination.namespace)
    instance = app_instance_name(app.metadata.name, app.metadata.namespace, settings.namespace)
    return Inputs(
        key=key,
        app=app,
        app_live=live,
        project=project,
        cluster=cluster.impersonate(account) if account else cluster,
        settings=registered,
        app_instance=instance,
        ignore=map_ignore_rules(spec.ignore_differences, settings.overrides),
    )


def _check_project(world: World, app: Application, project: Project, cluster: Cluster) -> None:
    namespace = app.metadata.namespace
    if not source_namespace_permitted(project, namespace, controller=world.settings.namespace):
        raise InvalidSpec(
            f"application '{app.metadata.name}' in namespace '{namespace}' is not permitted to use "
            f"project '{project.name}'"
        )
    violations = check_application(
        project,
        [source.repo_url for source in sources_of(app.spec)],
        Destination(cluster.server, cluster.name, app.spec.destination.namespace),
        project_clusters=clusters_of(world, project),
    )
    if violations:
        raise InvalidSpec("; ".join(sorted(violation.message for violation in violations)))


def clusters_of(world: World, project: Project) -> list[Destination]:
    """Return the clusters of a project, where that says anything: the whole fleet is looked at."""
    if not project.only_scoped_clusters:
        return []
    found = ((c, world.clusters.settings(c.server)) for c in world.clusters.all())
    return [Destination(c.server, c.name) for c, s in found if s and s.project == project.name]
