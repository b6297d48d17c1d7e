//! Kills at moments when every client waits for an answer, and what each of them met.

use testkit::{Process, wait_until};

use super::clients::{CLIENTS, Load};
use super::{Plan, World, rows};

/// What a kill met.
#[derive(Debug)]
pub struct KillReport {
    /// Requests on the way when it was sent.
    pub in_flight: usize,
    /// Requests whose answer never came.
    pub unanswered: usize,
    /// Events in the outbox right after it.
    pub waiting: i64,
}

/// Writer and consumer in turn, evenly over the writes; each is started again at once. The clients write until the last
/// kill, however long the processes take to start.
pub async fn kill_processes(world: &mut World, load: &Load, plan: Plan) -> Vec<KillReport> {
    let mut all = Vec::with_capacity(plan.kills);
    let config = world.config();
    load.set_endless(true);
    for n in 0..plan.kills {
        load.wait_until_finished((n + 1) * plan.writes / (plan.kills + 2)).await;
        let in_flight = wait_until_all_wait(load).await;
        let before = load.unanswered();
        let victim = match &mut world.consumer {
            Some(consumer) if n % 2 == 1 => Victim::Consumer(consumer),
            _ => Victim::Writer(&mut world.writer),
        };
        let killed = match victim {
            Victim::Consumer(process) => {
                process.kill();
                let waiting = rows::count_waiting(&config, true).await;
                process.start(&world.http).await;
                KillReport { in_flight, unanswered: 0, waiting }
            }
            Victim::Writer(process) => {
                process.kill();
                wait_until("every client knows", async || (load.in_flight() == 0).then_some(())).await;
                let waiting = rows::count_waiting(&config, false).await;
                let unanswered = load.unanswered() - before;
                process.start(&world.http).await;
                load.resume_clients();
                KillReport { in_flight, unanswered, waiting }
            }
        };
        all.push(killed);
    }
    load.set_endless(false);
    all
}

enum Victim<'w> {
    Writer(&'w mut Process),
    Consumer(&'w mut Process),
}

/// The next moment in which every client waits; how many that are.
async fn wait_until_all_wait(load: &Load) -> usize {
    loop {
        let in_flight = load.in_flight();
        if in_flight >= CLIENTS {
            return in_flight;
        }
        tokio::task::yield_now().await;
    }
}
