//! Any [`Backend`], with the time that each call takes and the calls that have no answer counted.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, CompanionsRequest,
    CompanionsResponse, HeadsRequest, HeadsResponse, NotifyRequest, NotifyResponse, OpenRequest,
    ResolveRequest, ResolveResponse, RoomRequest, RoomResponse, SubmitRequest, SubmitResponse,
    UploadRequest, UploadResponse, UserRequest, UserState,
};

use super::{Backend, BackendError};
use crate::measures::{self, Call};

/// See the module.
#[derive(Debug)]
pub(crate) struct Measured(pub(crate) Arc<dyn Backend>);

macro_rules! measured {
    ($($call:ident: $method:ident($request:ty) -> $answer:ty;)*) => {
        #[async_trait]
        impl Backend for Measured {
            $(async fn $method(&self, request: $request) -> Result<$answer, BackendError> {
                let since = Instant::now();
                let answer = self.0.$method(request).await;
                let is_answered = !matches!(answer, Err(BackendError::Unavailable(_)));
                measures::asked(Call::$call, since, is_answered);
                answer
            })*
        }
    };
}

measured! {
    Open: open(OpenRequest) -> UserState;
    Submit: submit(SubmitRequest) -> SubmitResponse;
    Heads: heads(HeadsRequest) -> HeadsResponse;
    Changes: changes(ChangesRequest) -> ChangesPage;
    User: user(UserRequest) -> UserState;
    Room: room(RoomRequest) -> RoomResponse;
    Acquainted: acquainted(AcquaintedRequest) -> AcquaintedResponse;
    Companions: companions(CompanionsRequest) -> CompanionsResponse;
    Resolve: resolve(ResolveRequest) -> ResolveResponse;
    Notify: notify(NotifyRequest) -> NotifyResponse;
    Upload: upload(UploadRequest) -> UploadResponse;
}
