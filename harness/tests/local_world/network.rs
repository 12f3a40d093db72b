//! Grudges put into force and looked at, over each kind of port.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use harness::net::Endpoint::{Clients, Node};
use harness::net::{
    Endpoint, Evidence, Finding, Grudge, NetNamespace, Network, NetworkError, PortBackend, bench,
};
use harness::sandbox::Sandbox;

use crate::scene::{Player, Scene, Skip};

/// Long against a healthy round trip, short against a test.
const SILENCE: Duration = Duration::from_millis(300);
/// After a cut of that length TCP has long tried again.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn tap() -> Result<(), Skip> {
    play(Player::Us, "tap")
}

pub fn packet() -> Result<(), Skip> {
    play(Player::Us, "packet")
}

pub fn as_a_user() -> Result<(), Skip> {
    play(Player::OrdinaryUser, "auto")
}

fn play(player: Player, backend: &str) -> Result<(), Skip> {
    let (status, text) = Scene::new(player, "faults", &[backend]).finish()?;
    assert!(status.success(), "{status}\n{text}");
    print!("{text}");
    Ok(())
}

/// Every claim about the network, one after the other, in one sandbox.
pub fn play_faults(sandbox: &Sandbox, backend: &str) -> Result<(), Skip> {
    let kind = match backend {
        "tap" => PortBackend::Tap,
        "packet" => PortBackend::Packet,
        _ => PortBackend::Auto,
    };
    let network = match Network::create(5, kind) {
        Err(NetworkError::Port(error)) => return Err(Skip(error.to_string())),
        network => network.expect("a network"),
    };
    println!("  sandbox in {:?}, 5 nodes in {:?}: {}", sandbox.set_up, network.set_up(), network.backend());

    all_links_open(&network);
    halves(&network);
    one_way(&network);
    clients(&network);
    a_wrong_expectation_is_noticed(&network);
    single_probes(&network);
    a_cut_connection_resumes(&network);
    a_cut_client_connection_resumes(&network);
    strangers_are_refused(&network);
    all_links_open(&network);
    round_trips(&network);

    drop(network);
    other_sizes(kind);
    Ok(())
}

fn all_links_open(network: &Network) {
    network.heal().expect("a healed network");
    network.heal().expect("healing twice");
    let evidence = network.verify(&Grudge::none());
    assert!(evidence.holds(), "{:?}", evidence.summary());
    // 5 × 4 between nodes, 5 each from and to clients.
    assert_eq!(evidence.summary().reached, 30);
}

fn halves(network: &Network) {
    let before = network.counts(0, 4);
    let grudge = Grudge::between(&[&[Node(0), Node(1)], &[Node(2), Node(3), Node(4)]]);
    let evidence = imposed(network, &grudge);
    assert_eq!(evidence.summary().not_arrived, 12);
    assert_eq!(evidence.summary().reached, 18);
    assert!(network.counts(0, 4).dropped_frames > before.dropped_frames);
    println!("  halves verified in {} us", evidence.took_us);
    all_links_open(network);
}

fn one_way(network: &Network) {
    let grudge = [(Node(1), Node(3))].into_iter().collect();
    let evidence = imposed(network, &grudge);
    assert_eq!(evidence.summary().not_arrived, 1);
    all_links_open(network);
}

fn clients(network: &Network) {
    let unheard: Grudge = [(Clients, Node(0)), (Node(1), Clients)].into_iter().collect();
    let evidence = imposed(network, &unheard);
    assert_eq!(evidence.summary().not_arrived, 2);
    // From one grudge to the next without healing, overlapping with node links.
    let mut more = Grudge::between(&[&[Clients, Node(2)], &[Node(3)]]);
    more.cut(Clients, Node(0));
    let evidence = imposed(network, &more);
    assert_eq!(evidence.summary().not_arrived, 5);
    println!("  client cuts verified in {} us", evidence.took_us);
    all_links_open(network);
}

fn a_wrong_expectation_is_noticed(network: &Network) {
    let cut: Grudge = [(Node(0), Node(1)), (Clients, Node(2))].into_iter().collect();
    network.impose(&cut).expect("a grudge");
    let evidence = network.verify(&Grudge::none());
    assert_eq!(mismatches(&evidence), [(Node(0), Node(1)), (Clients, Node(2))]);
    network.heal().expect("a healed network");
    let evidence = network.verify(&cut);
    assert_eq!(mismatches(&evidence), [(Node(0), Node(1)), (Clients, Node(2))]);
}

fn mismatches(evidence: &Evidence) -> Vec<(Endpoint, Endpoint)> {
    evidence.mismatches().map(|link| (link.source, link.destination)).collect()
}

fn single_probes(network: &Network) {
    network.block(Node(0), Node(1)).expect("a cut");
    network.block(Node(2), Clients).expect("a second cut");
    assert_eq!(network.grudge().links().count(), 2);
    let probe = |source, destination| network.probe(source, destination).expect("a probe");
    let vanished = Finding::NotArrived { seen_dropped: Some(true) };
    assert_eq!(probe(Node(0), Node(1)), vanished);
    assert!(matches!(probe(Node(1), Node(0)), Finding::Reached { .. }));
    assert!(matches!(probe(Node(2), Clients), Finding::NotArrived { .. }));
    assert!(matches!(probe(Clients, Node(2)), Finding::Reached { .. }));
}

fn imposed(network: &Network, grudge: &Grudge) -> Evidence {
    network.impose(grudge).expect("a grudge");
    let evidence = network.verify(grudge);
    assert!(evidence.holds(), "{:?}", evidence.summary());
    evidence
}

fn a_cut_connection_resumes(network: &Network) {
    network.heal().expect("a healed network");
    let (from, to) = connection(
        Some(network.node(0).namespace()),
        network.node(1).namespace(),
        network.node(1).peer_addr(),
    );
    let grudge = Grudge::between(&[&[Node(0)], &[Node(1)]]);
    resumes(network, &grudge, from, to);
}

fn a_cut_client_connection_resumes(network: &Network) {
    let (from, to) = connection(None, network.node(0).namespace(), network.node(0).ctl_addr());
    let requests_lost = [(Clients, Node(0))].into_iter().collect();
    let (from, to) = resumes(network, &requests_lost, from, to);
    let answers_lost = [(Node(0), Clients)].into_iter().collect();
    resumes(network, &answers_lost, to, from);
}

/// What is written during a cut does not arrive before it heals, and then does.
fn resumes(
    network: &Network,
    grudge: &Grudge,
    mut from: TcpStream,
    mut to: TcpStream,
) -> (TcpStream, TcpStream) {
    let mut word = [0; 5];
    from.write_all(b"first").expect("an open connection");
    to.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    to.read_exact(&mut word).expect("the first word");
    imposed(network, grudge);
    from.write_all(b"later").expect("room in the buffer");
    to.set_read_timeout(Some(SILENCE)).expect("a timeout");
    let silence = to.read(&mut word).expect_err("nothing arrives");
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    network.heal().expect("a healed network");
    to.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    to.read_exact(&mut word).expect("the word is sent again");
    assert_eq!(&word, b"later");
    (from, to)
}

/// A connection from one namespace (or ours) to another, both ends.
fn connection(from: Option<&NetNamespace>, to: &NetNamespace, address: Ipv4Addr) -> (TcpStream, TcpStream) {
    let listener = to.run(|| TcpListener::bind((address, 0)));
    let listener = listener.expect("a namespace").expect("a listener");
    let address: SocketAddr = listener.local_addr().expect("an address");
    let connect = || TcpStream::connect_timeout(&address, PATIENCE);
    let near = match from {
        Some(namespace) => namespace.run(connect).expect("a namespace"),
        None => connect(),
    };
    let (far, _) = listener.accept().expect("a connection");
    (near.expect("a connection"), far)
}

/// Not how fast they are, nor that none is lost: both depend on the machine.
fn round_trips(network: &Network) {
    let trips = bench::round_trips(network, 0, 1, 2000).expect("round trips");
    assert_eq!(trips.returned + trips.lost, 2000);
    println!("  round trip p50 {:.1} us, p99 {:.1} us", trips.p50_us, trips.p99_us);
    network.block(Node(1), Node(0)).expect("a cut");
    let error = bench::round_trips(network, 0, 1, 1).expect_err("nothing comes back");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

fn strangers_are_refused(network: &Network) {
    let error = network.block(Node(0), Node(5)).expect_err("no such node");
    let text = error.to_string();
    assert_eq!(text, "there is no n6 in a network of 5 nodes; name n1 to n5, or clients");
    assert!(network.grudge().is_none(), "nothing has changed");
}

fn other_sizes(kind: PortBackend) {
    for nodes in [0, 65] {
        assert!(matches!(Network::create(nodes, kind), Err(NetworkError::NodeCount(_))));
    }
    for nodes in [1, 2, 64] {
        let network = Network::create(nodes, kind).expect("names are free again");
        let evidence = network.verify(&Grudge::none());
        assert!(evidence.holds(), "{:?}", evidence.summary());
        println!("  {nodes} nodes in {:?}, verified in {} us", network.set_up(), evidence.took_us);
    }
}
