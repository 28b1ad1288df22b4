//! Real shop software, started, killed and edited by these tests: what a push does to it is read back as a shopper or a
//! cashier sees it. `./test` installs it and says where it is in `TEST_*` variables.

mod medusa;
mod oscar;
mod relay;
mod server;
mod stories;
mod tryton;
mod vendure;
mod world;

/// Waits for futures that run side by side in this task.
async fn together<F: Future<Output = ()>>(all: Vec<F>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
